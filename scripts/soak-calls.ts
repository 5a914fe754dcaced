/**
 * `npm run soak [-- --calls 1000 --rate 50 --talk-ms 500 --kill-server-after-ms N]`: many calls with audio through the system as it is
 * shipped, and what is left of them afterwards. Fails when a call fails, audio is missing, a session or a port stays
 * behind, or memory grows. Needs sipp. The server may be killed (SIGKILL) once, so long after the first call began: calls
 * that are answered by then go on, and memory is not compared.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boundSockets } from '../src/io/port-owner.ts';
import { freePortRange, freeUdpPort } from '../test/support/ports.ts';
import { Program } from '../test/support/program.ts';
import { binary, projectRoot } from '../test/support/project.ts';
import { activeSessions } from '../test/support/rtpp.ts';
import { createScope, type Scope } from '../test/support/scope.ts';
import { boundUdpPorts } from '../test/support/survivors.ts';
import { waitFor } from '../test/support/wait.ts';

/** Memory is looked at each time that so many calls have ended; the end is compared with the first time. */
const SAMPLE_CALLS = 200;
const MAX_GROWTH = 1.1;

/** Of the audio packets sent; what is still under way when the BYE comes is lost. */
const REQUIRED_AUDIO = 0.95;
const PACKET_MS = 20;
const PAYLOAD_BYTES = 160;
const MEDIA_PORTS = 4000;

const CALLER = '1001';
const CALLEE = '1002';

interface Load {
  readonly calls: number;
  readonly rate: number;
  readonly talkMs: number;
  readonly killServerAfterMs: number | undefined;
}

interface Place {
  readonly directory: string;
  readonly sipPort: number;
  readonly relayPort: number;
  readonly minPort: number;
}

interface Memory {
  readonly relayKib: number;
  readonly serverKib: number;
}

async function main(): Promise<void> {
  const load = readArguments();
  const { scope, close } = createScope();
  try {
    const failures = await soak(scope, load);
    for (const failure of failures) {
      console.error(`FAILED: ${failure}`);
    }
    process.exitCode = failures.length === 0 ? 0 : 1;
  } finally {
    await close();
  }
}

async function soak(scope: Scope, load: Load): Promise<string[]> {
  const place = await choosePlace(scope);
  const launcher = await startSystem(scope, place);
  const pids = { relay: pidOf(launcher, 'ims-relay.js'), server: pidOf(launcher, 'ims-server.js') };
  const echo = await openEcho(scope);
  const calleePort = await freeUdpPort();
  const scenarios = await writeScenarios(place, echo.port, load);

  await runSipp(scope, 'register', [`127.0.0.1:${place.sipPort}`, '-sf', scenarios.register, '-m', '1'], {
    ...credentials(CALLEE),
    port: calleePort,
  });
  startSipp(scope, 'callee', ['-sf', scenarios.callee, '-m', `${load.calls}`], {
    ...credentials(CALLEE),
    port: calleePort,
  });
  await waitFor('sipp as the callee', () => boundUdpPorts().has(calleePort));

  const startedAt = performance.now();
  const caller = startSipp(
    scope,
    'caller',
    [`127.0.0.1:${place.sipPort}`, '-sf', scenarios.caller, '-m', `${load.calls}`, '-r', `${load.rate}`],
    { ...credentials(CALLER), service: CALLEE, port: await freeUdpPort() },
  );
  if (load.killServerAfterMs !== undefined) {
    setTimeout(() => {
      console.log(`kill -9 of ims-server, ${pids.server}`);
      process.kill(pids.server, 'SIGKILL');
    }, load.killServerAfterMs);
  }
  const samples = new Map<number, Memory>();
  const timeoutMs = (load.calls / load.rate) * 1000 * 3 + 60_000;
  const nextSample = (): number => (samples.size + 1) * SAMPLE_CALLS;
  await waitFor(
    'the calls',
    async () => {
      const ended = await endedCalls(place);
      if (load.killServerAfterMs === undefined && ended >= nextSample()) {
        samples.set(ended, memoryOf(pids));
      }
      return !caller.running;
    },
    { timeoutMs, intervalMs: 100 },
  );
  const { code } = await caller.exited;
  const seconds = (performance.now() - startedAt) / 1000;
  const records = await waitFor('the last CDR', async () => {
    const ended = await endedCalls(place);
    return ended >= load.calls || !launcher.running ? await callStatuses(place) : undefined;
  }).catch(() => callStatuses(place));
  const sessions = await waitFor('a relay without sessions', async () => {
    return (await activeSessions(place.relayPort)) === 0 ? { left: 0 } : undefined;
  }).catch(async () => ({ left: await activeSessions(place.relayPort) }));
  const mediaPorts = udpPortsOf(pids.relay).filter((port) => port !== place.relayPort);
  const late = memoryOf({ ...pids, server: pidOf(launcher, 'ims-server.js') });
  const early = samples.values().next().value ?? late;
  for (const [calls, { relayKib, serverKib }] of samples) {
    console.log(`RSS after ${calls} calls: relay ${mib(relayKib)}, server ${mib(serverKib)}`);
  }

  const succeeded = records.filter((status) => status === 200).length;
  const sent = load.calls * Math.floor(load.talkMs / PACKET_MS);
  const growth = { relay: late.relayKib / early.relayKib, server: late.serverKib / early.serverKib };
  console.log(
    [
      `calls       ${succeeded} of ${load.calls} answered and ended in ${seconds.toFixed(1)} s (sipp exit status ${code})`,
      `audio       ${echo.received()} of ${sent} packets reached the callee and were echoed`,
      `sessions    ${sessions.left} left; media ports still bound: ${mediaPorts.length}`,
      `memory      at the end ${mib(late.relayKib)} and ${mib(late.serverKib)}: relay x ${growth.relay.toFixed(3)}, server x ${growth.server.toFixed(3)}`,
    ].join('\n'),
  );
  return [
    ...unless(code === 0, `sipp counted failed calls\n${await sippErrors(place)}`),
    ...unless(succeeded === load.calls, `${load.calls - succeeded} calls have no CDR of an answered call`),
    ...unless(echo.received() >= sent * REQUIRED_AUDIO, `less than ${REQUIRED_AUDIO * 100} % of the audio arrived`),
    ...unless(sessions.left === 0, 'the relay still holds sessions'),
    ...unless(mediaPorts.length === 0, `media ports are still bound: ${mediaPorts.join(' ')}`),
    ...unless(growth.relay <= MAX_GROWTH, 'the relay grows'),
    ...unless(growth.server <= MAX_GROWTH, 'the server grows'),
  ];
}

function unless(condition: boolean, failure: string): string[] {
  return condition ? [] : [failure];
}

function readArguments(): Load {
  const { values } = parseArgs({
    options: {
      calls: { type: 'string', default: '1000' },
      rate: { type: 'string', default: '50' },
      'talk-ms': { type: 'string', default: '500' },
      'kill-server-after-ms': { type: 'string' },
    },
  });
  const kill = values['kill-server-after-ms'];
  const load = { calls: Number(values.calls), rate: Number(values.rate), talkMs: Number(values['talk-ms']) };
  const numbers = [...Object.values(load), ...(kill === undefined ? [] : [Number(kill)])];
  if (!numbers.every((value) => Number.isInteger(value) && value > 0)) {
    throw new Error('--calls, --rate, --talk-ms and --kill-server-after-ms take whole numbers above 0');
  }
  return { ...load, killServerAfterMs: kill === undefined ? undefined : Number(kill) };
}

async function choosePlace(scope: Scope): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'ims-launch-soak-'));
  scope.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  const first = freePortRange(2 + MEDIA_PORTS);
  return { directory, sipPort: first, relayPort: first + 1, minPort: first + 2 };
}

async function startSystem(scope: Scope, { directory, sipPort, relayPort, minPort }: Place): Promise<Program> {
  const path = join(directory, 'config.json');
  const config = {
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: sipPort,
    LOG_LEVEL: 'WARNING',
    USERS: { [CALLER]: '1234', [CALLEE]: '1234' },
    dataDir: join(directory, 'data'),
    relay: { port: relayPort, minPort, maxPort: minPort + MEDIA_PORTS - 1 },
  };
  await writeFile(path, JSON.stringify(config));
  const launcher = Program.start(scope, {
    name: 'ims-launch',
    command: [process.execPath, binary('ims-launch'), '--config', path],
    cwd: directory,
  });
  await launcher.waitForLine(/^ims-launch \S+ is ready$/, 30_000);
  return launcher;
}

function pidOf(launcher: Program, script: string): number {
  const found = launcher.processes().find(({ command }) => command.includes(script));
  if (found === undefined) {
    throw new Error(`${script} does not run:\n${launcher.output}`);
  }
  return found.pid;
}

/** The callee's phone: gives each packet back to where it came from. */
async function openEcho(scope: Scope): Promise<{ port: number; received(): number }> {
  let received = 0;
  const socket: Socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  scope.defer(() => void socket.close());
  socket.on('message', (bytes, from) => {
    received += 1;
    socket.send(bytes, from.port, from.address);
  });
  socket.on('error', () => {
    // A port of an ended call refuses its echo.
  });
  socket.bind(freePortRange(2), '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, received: () => received };
}

/** The tests' scenarios, but for what paces the call: audio for `talkMs` in place of the test's word. */
async function writeScenarios(
  { directory }: Place,
  echoPort: number,
  { talkMs }: Load,
): Promise<Record<'caller' | 'callee' | 'register', string>> {
  const audio = join(directory, 'audio.ulaw');
  await writeFile(audio, Buffer.alloc(PAYLOAD_BYTES * Math.floor(talkMs / PACKET_MS), 0x55));
  const source = (name: string) => readFile(join(projectRoot, 'test', 'peers', 'sipp', `${name}.xml`), 'utf8');
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(directory, `${name}.xml`);
    await writeFile(path, text);
    return path;
  };
  const talk = `<nop><action><exec rtp_stream="${audio},1,0"/></action></nop>\n  <pause milliseconds="${talkMs + 200}"/>`;
  const caller = (await source('caller')).replace('<recv request="INFO"/>', talk);
  if (!caller.includes(talk)) {
    throw new Error('test/peers/sipp/caller.xml no longer waits for an INFO: mend this script');
  }
  return {
    caller: await write(
      'caller',
      caller
        .replaceAll('@CALLER@', CALLER)
        .replaceAll('@MEDIA_ADDRESS@', '[local_ip]')
        .replaceAll('@MEDIA_PORT@', '[rtpstream_audio_port]'),
    ),
    callee: await write(
      'callee',
      (await source('callee')).replaceAll('@MEDIA_ADDRESS@', '127.0.0.1').replaceAll('@MEDIA_PORT@', `${echoPort}`),
    ),
    register: await write('register', (await source('register')).replaceAll('@CONTACT@', '')),
  };
}

interface SippIdentity {
  readonly user: string;
  readonly password: string;
  readonly port: number;
  readonly service?: string;
}

function credentials(user: string): { user: string; password: string } {
  return { user, password: '1234' };
}

function startSipp(scope: Scope, name: string, args: readonly string[], identity: SippIdentity): Program {
  const { user, password, port, service } = identity;
  const scenario = args[args.indexOf('-sf') + 1] ?? name;
  return Program.start(scope, {
    name: `sipp-${name}`,
    command: [
      'sipp',
      ...args,
      ...['-i', '127.0.0.1', '-mi', '127.0.0.1', '-p', `${port}`, '-s', service ?? user, '-au', user, '-ap', password],
      ...['-trace_err', '-error_file', `${scenario}.errors`, '-nostdin'],
    ],
  });
}

async function runSipp(scope: Scope, name: string, args: readonly string[], identity: SippIdentity): Promise<void> {
  const program = startSipp(scope, name, args, identity);
  const { code } = await program.waitForExit(30_000);
  if (code !== 0) {
    throw new Error(`sipp (${name}) ended with ${code}:\n${program.output}`);
  }
}

async function sippErrors({ directory }: Place): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.errors'));
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  return texts.join('\n').slice(0, 4000);
}

async function endedCalls(place: Place): Promise<number> {
  return (await callStatuses(place)).length;
}

async function callStatuses({ directory }: Place): Promise<number[]> {
  const folder = join(directory, 'data', 'cdr');
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  // The last line may be half written.
  const lines = texts.flatMap((text) => text.split('\n').slice(0, -1));
  return lines.map((line) => (JSON.parse(line) as { status: number }).status);
}

function memoryOf(pids: { relay: number; server: number }): Memory {
  return { relayKib: residentKib(pids.relay), serverKib: residentKib(pids.server) };
}

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** UDP ports that a process has bound. */
function udpPortsOf(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  const links = new Set(readdirSync(folder).map((name) => linkOf(join(folder, name))));
  return boundSockets('udp')
    .filter(({ inode }) => links.has(`socket:[${inode}]`))
    .map(({ port }) => port);
}

/** Empty for a descriptor that was closed since it was listed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function mib(kib: number): string {
  return `${(kib / 1024).toFixed(1)} MiB`;
}

await main();
