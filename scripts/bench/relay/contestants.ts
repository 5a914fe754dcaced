/** The relays that are compared: how each is started, and what it must say before it counts as that relay. */
import { spawnSync } from 'node:child_process';
import { relayV8Flags } from '../../../src/app/launch/children.ts';
import { packageVersion } from '../../../src/app/version.ts';
import { openRtppClient, type RtppClient } from '../../../src/io/rtpp-client-driver.ts';
import { freeUdpPort } from '../../../test/support/ports.ts';
import { Program } from '../../../test/support/program.ts';
import { binary } from '../../../test/support/project.ts';
import type { Scope } from '../../../test/support/scope.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { isInstalled } from '../installed.ts';
import { setNice } from './priority.ts';

/** Of every relay in turn; the parties are next door. */
export const RELAY_ADDRESS = '127.0.0.2';
export const PARTY_ADDRESSES = ['127.0.0.3', '127.0.0.4'] as const;
/** Four ports a call. Nothing else is on this address, so the ephemeral range does not matter. */
const MIN_PORT = 21_000;
const MAX_PORT = 60_999;
export const MAX_CALLS = Math.floor((MAX_PORT - MIN_PORT) / 4);

export interface Contestant {
  readonly name: string;
  /** Ours are compared with those that are not. */
  readonly ours: boolean;
  /** What prints its version, and where in it; ours is this package's. */
  readonly version?: { readonly args: readonly string[]; readonly pattern: RegExp };
  /** Its program and arguments. */
  command(place: Place): readonly [string, ...string[]];
  /** The line of a relay of ours that is ready, and the plane that it must name; without it the first answer will do. */
  readonly ready?: { readonly line: RegExp; readonly plane: string };
}

interface Place {
  readonly address: string;
  /** Of its control socket. */
  readonly control: string;
  readonly controlPort: number;
  readonly minPort: number;
  readonly maxPort: number;
}

/** What a second worker costs, and what it is worth, shows beside this. */
function onOneCore(contestant: Contestant): Contestant {
  return {
    ...contestant,
    name: `${contestant.name} on 1 core`,
    command: (place) => ['taskset', '--cpu-list', '0', ...contestant.command(place)],
  };
}

/** Where only the program's name is asked for. */
const NOWHERE: Place = { address: RELAY_ADDRESS, control: RELAY_ADDRESS, controlPort: 0, minPort: 0, maxPort: 0 };

export interface RunningRelay {
  readonly client: RtppClient;
  /** Its processes at this moment. */
  pids(): number[];
}

export const CONTESTANTS: readonly Contestant[] = [
  ourPlane('native'),
  onOneCore(ourPlane('native')),
  ourPlane('portable'),
  {
    name: 'rtpengine',
    ours: false,
    version: { args: ['--version'], pattern: /Version: ([0-9.]+)/ },
    command: ({ address, control, controlPort, minPort, maxPort }) => [
      'rtpengine',
      ...['--foreground', '--log-stderr', '--log-level=3', '--table=-1', `--interface=${address}`],
      ...[`--listen-udp=${control}:${controlPort}`, `--port-min=${minPort}`, `--port-max=${maxPort}`],
    ],
  },
  {
    name: 'rtpproxy',
    ours: false,
    version: { args: ['-V'], pattern: /([0-9]+\.[0-9.]+)/ },
    command: ({ address, control, controlPort, minPort, maxPort }) => [
      'rtpproxy',
      ...['-f', '-F', '-l', address, '-s', `udp:${control}:${controlPort}`, '-d', 'WARN'],
      ...['-m', `${minPort}`, '-M', `${maxPort}`],
    ],
  },
];

/** As `ims-launch` starts it. */
export function ourPlane(plane: string, ...more: string[]): Contestant {
  return {
    name: [plane, ...more].join(' '),
    ours: true,
    command: ({ address, control, controlPort, minPort, maxPort }) => [
      process.execPath,
      ...relayV8Flags(),
      binary('ims-relay'),
      ...['-f', '-F', '-l', address, '-s', `udp:${control}:${controlPort}`],
      ...['-m', `${minPort}`, '-M', `${maxPort}`, `--plane=${plane}`, ...more],
    ],
    ready: { line: /"relay ready"/, plane },
  };
}

/** As the program tells it; empty where it does not. */
export function versionOf({ command, version }: Contestant): string {
  if (version === undefined) {
    return packageVersion();
  }
  const [program] = command(NOWHERE);
  const { stdout = '', stderr = '' } = spawnSync(program, [...version.args], { encoding: 'utf8', timeout: 10_000 });
  return version.pattern.exec(`${stdout}${stderr}`)?.[1] ?? '';
}

/** Why it cannot take part here; undefined: it can. */
export async function absence(scope: Scope, contestant: Contestant): Promise<string | undefined> {
  const [program] = contestant.command(NOWHERE);
  if (!isInstalled(program)) {
    return `${program} is not installed`;
  }
  try {
    await startRelay(scope, contestant);
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}

/** @throws Error when it does not start, or is not the relay that it should be */
export async function startRelay(
  scope: Scope,
  { name, command, ready }: Contestant,
  nice: number | null = null,
  { address, control } = { address: RELAY_ADDRESS, control: RELAY_ADDRESS },
): Promise<RunningRelay> {
  const controlPort = await freeUdpPort();
  const program = Program.start(scope, {
    name,
    command: command({ address, control, controlPort, minPort: MIN_PORT, maxPort: MAX_PORT }),
  });
  if (ready !== undefined) {
    const line = await program.waitForLine(ready.line, 30_000);
    const { plane, reason } = JSON.parse(line) as { plane: string; reason: string };
    if (plane !== ready.plane && ready.plane !== 'auto') {
      throw new Error(`${plane} stands in for it: ${reason}`);
    }
  }
  const client = await openRtppClient({ host: control, port: controlPort });
  scope.defer(() => client.close());
  await waitFor(`an answer of ${name}`, async () => {
    if (!program.running) {
      throw new Error(`${name} ended:\n${program.output}`);
    }
    return (await client.request('V', { firstMs: 100, budgetMs: 300 })).kind === 'reply';
  });
  for (const { pid } of nice === null ? [] : program.processes()) {
    if (!setNice(pid, nice ?? 0)) {
      throw new Error(`${name} cannot be given the nice value ${nice}`);
    }
  }
  return { client, pids: () => program.processes().map(({ pid }) => pid) };
}
