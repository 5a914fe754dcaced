/**
 * ims-server beside Kamailio 5.6: the same calls of sipp, the same relay, one after the other at each rate. Neither asks
 * for a password, both send the call to one phone; Kamailio has one process for calls.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { basename, join } from 'node:path';
import { startKamailio } from '../../../test/support/kamailio.ts';
import { freeUdpPort } from '../../../test/support/ports.ts';
import { Program } from '../../../test/support/program.ts';
import { projectRoot } from '../../../test/support/project.ts';
import { createScope, type Scope, temporaryDirectory } from '../../../test/support/scope.ts';
import { boundUdpPorts } from '../../../test/support/survivors.ts';
import { startRelay } from '../../../test/support/test-relay.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { cpuMs } from '../cpu.ts';
import { isInstalled } from '../installed.ts';
import { describeMachine, tail } from '../report.ts';
import { startImsServer } from './ims-server.ts';
import { pssKib, sumOf } from './process-figures.ts';
import { benchRegistrations } from './registrations.ts';
import { MAX_FAILED, type SipResults, type SipRound } from './results.ts';

export interface SipBenchOptions {
  readonly rates: readonly number[];
  /** Calls are begun for so long at each rate. */
  readonly seconds: number;
  /** Names of servers; all that are installed by default. */
  readonly only: readonly string[] | undefined;
  /** Users that register; 0: none. */
  readonly registrations: number;
}

const TALK_MS = 500;

/** Pairs of media ports: two a call, and some that wait to be used again. */
const PORT_PAIRS = 3000;

/** The phone that is called; ims-server knows it by its registration, Kamailio by its script. */
const SERVICE = '1002';
const PASSWORD = 'for the bench';

/** Before a server is measured, so that its code is compiled and its memory is there. */
const WARM_UP = { rate: 100, seconds: 15 };

interface Place {
  readonly directory: string;
  readonly sipPort: number;
  readonly relayPort: number;
  /** Of the relay's media ports, the first. */
  readonly minPort: number;
  readonly calleePort: number;
}

const SERVERS: Readonly<Record<string, (scope: Scope, place: Place) => Promise<Program>>> = {
  'ims-server': (scope, { directory, sipPort, relayPort, minPort }) => {
    const relay = { port: relayPort, minPort, maxPort: minPort + 2 * PORT_PAIRS - 1 };
    return startImsServer(scope, { directory, sipPort, relay, users: { [SERVICE]: PASSWORD } });
  },
  kamailio: (scope, place) => startKamailio(scope, { ...place, bench: true }),
};

export async function benchSip(options: SipBenchOptions): Promise<SipResults> {
  const { rates, seconds, only, registrations: count } = options;
  const { date = '', machine = '', node = '' } = describeMachine();
  const loadBefore = Number((loadavg()[0] ?? 0).toFixed(1));
  const rounds = await benchCalls({ rates, seconds, only });
  const registrations = count === 0 ? undefined : await benchRegistrations(count);
  return { date, machine, node, loadBefore, talkMs: TALK_MS, seconds, rounds, registrations };
}

async function benchCalls({ rates, seconds, only }: Omit<SipBenchOptions, 'registrations'>): Promise<SipRound[]> {
  if (!isInstalled('sipp')) {
    throw new Error('sipp is not installed (Debian: apt-get install sip-tester)');
  }
  const names = Object.keys(SERVERS).filter(
    (name) => (only?.includes(name) ?? true) && (name !== 'kamailio' || isInstalled('kamailio')),
  );
  const { scope, close } = createScope();
  try {
    const rounds: SipRound[] = [];
    const contestants = new Map<string, { readonly place: Place; readonly program: Program }>();
    const relay = await startRelay(scope, PORT_PAIRS);
    for (const name of names) {
      const directory = await temporaryDirectory(scope);
      const ports = { sipPort: await portBeside(relay.minPort), calleePort: await portBeside(relay.minPort) };
      const place = { directory, relayPort: relay.control, minPort: relay.minPort, ...ports };
      const program = await (SERVERS[name] as (typeof SERVERS)[string])(scope, place);
      contestants.set(name, { place, program });
      const { calls, failed } = await measure(name, place, program, WARM_UP);
      if (failed === calls) {
        throw new Error(`no call passes ${name}:\n${program.output}`);
      }
    }
    for (const rate of rates) {
      for (const [name, { place, program }] of [...contestants]) {
        const round = await measure(name, place, program, { rate, seconds });
        rounds.push(round);
        if (round.failed > round.calls * MAX_FAILED) {
          contestants.delete(name);
        }
      }
    }
    return rounds;
  } finally {
    await close();
  }
}

/** A free port that is none of the relay's media ports. */
async function portBeside(minPort: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = await freeUdpPort();
    if (port < minPort || port >= minPort + 2 * PORT_PAIRS) {
      return port;
    }
  }
  throw new Error('no free port beside those of the relay');
}

/** One load on a server, with phones of its own. */
async function measure(
  server: string,
  place: Place,
  program: Program,
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<SipRound> {
  const { scope, close } = createScope();
  try {
    const calls = rate * seconds;
    const directory = await temporaryDirectory(scope);
    if (server === 'ims-server') {
      await register(scope, directory, place);
    }
    const callee = sipp(scope, directory, scenarioOf('callee'), ['-p', `${place.calleePort}`]);
    await waitFor('the callee', () => boundUdpPorts().has(place.calleePort));
    const pids = program.processes().map(({ pid }) => pid);
    const cpuBefore = sumOf(pids, cpuMs);
    const caller = sipp(scope, directory, scenarioOf('caller'), [
      ...[`127.0.0.1:${place.sipPort}`, '-s', SERVICE, '-p', `${await freeUdpPort()}`],
      ...['-m', `${calls}`, '-r', `${rate}`, '-l', `${calls}`, '-d', `${TALK_MS}`],
      ...['-trace_rtt', '-rtt_freq', '1', '-trace_stat', '-fd', '1', '-stf', 'statistics.csv'],
      ...['-recv_timeout', '20000', '-timeout', `${seconds + 60}s`],
    ]);
    await caller.waitForExit((seconds + 90) * 1000);
    const cpu = sumOf(pids, cpuMs) - cpuBefore;
    if (!program.running || !callee.running) {
      throw new Error(`${server} or the callee ended at ${rate} calls/s:\n${program.output}\n${callee.output}`);
    }
    const succeeded = await succeededCalls(join(directory, 'statistics.csv'));
    const delays = await setupDelays(directory);
    const { p50, p99 } = delays.length === 0 ? { p50: 0, p99: 0 } : tail(delays);
    return {
      server,
      rate,
      calls,
      failed: calls - succeeded,
      cpuMsPerCall: cpu / calls,
      setupP50Ms: p50,
      setupP99Ms: p99,
      memoryMib: sumOf(pids, pssKib) / 1024,
    };
  } finally {
    await close();
  }
}

/** From the port on which the callee will listen. */
async function register(scope: Scope, directory: string, { sipPort, calleePort }: Place): Promise<void> {
  const words = [`127.0.0.1:${sipPort}`, '-s', SERVICE, '-au', SERVICE, '-ap', PASSWORD, '-p', `${calleePort}`];
  const scenario = join(directory, 'register.xml');
  const text = await readFile(join(projectRoot, 'test', 'peers', 'sipp', 'register.xml'), 'utf8');
  await writeFile(scenario, text.replaceAll('@CONTACT@', ''));
  const program = sipp(scope, directory, scenario, [...words, '-m', '1', '-timeout', '30s']);
  const { code } = await program.waitForExit(40_000);
  if (code !== 0) {
    throw new Error(`sipp cannot register:\n${program.output}`);
  }
}

function scenarioOf(name: 'caller' | 'callee'): string {
  return join(projectRoot, 'scripts', 'bench', 'sip', `${name}.xml`);
}

/** @param scenario its path */
function sipp(scope: Scope, directory: string, scenario: string, args: readonly string[]): Program {
  return Program.start(scope, {
    name: `sipp-${basename(scenario, '.xml')}`,
    command: ['sipp', ...args, '-sf', scenario, '-i', '127.0.0.1', '-nostdin'],
    cwd: directory,
  });
}

/** The last line of sipp's statistics, by the names of its first one. */
async function succeededCalls(path: string): Promise<number> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const column = (lines[0] ?? '').split(';').indexOf('SuccessfulCall(C)');
  const value = Number((lines.at(-1) ?? '').split(';')[column]);
  if (column < 0 || !Number.isInteger(value)) {
    throw new Error(`sipp's statistics tell no successful calls:\n${lines[0]}`);
  }
  return value;
}

/** `Date_ms;response_time_ms;rtd_no` in each line. */
async function setupDelays(directory: string): Promise<number[]> {
  const name = (await readdir(directory)).find((file) => file.endsWith('_rtt.csv'));
  const text = name === undefined ? '' : await readFile(join(directory, name), 'utf8');
  return text
    .split('\n')
    .map((line) => Number.parseFloat(line.split(';')[1] ?? ''))
    .filter(Number.isFinite);
}
