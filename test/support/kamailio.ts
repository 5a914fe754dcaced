/** Kamailio with the script of test/peers/kamailio: its command line for ims-launch, or the program by itself. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pingSipOptions } from '../../src/io/sip/options-ping.ts';
import { Program } from './program.ts';
import { projectRoot } from './project.ts';
import type { Scope } from './scope.ts';
import { waitFor } from './wait.ts';

export interface KamailioOptions {
  /** Where its configuration is written; one Kamailio a directory. */
  readonly directory: string;
  readonly sipPort: number;
  /** Control port of its relay, over UDP. */
  readonly relayPort: number;
  /** The module's `rtpproxy_sock` in place of that: `unix:path`, or several relays with a blank between them. */
  readonly relaySockets?: string;
  /** The one phone that it routes calls to. */
  readonly calleePort: number;
  /** Whether both parties of each call are recorded. */
  readonly record?: boolean;
  /** For `npm run bench -- sip`: one process for calls, no passwords, room for many calls. */
  readonly bench?: boolean;
  /** The module's `timeout_socket`: the words that it puts behind the U of a re-INVITE. */
  readonly timeoutSocket?: string;
}

/** Writes the configuration, and returns the command that runs it in the foreground unless `flags` say otherwise. */
export async function kamailioCommand(
  options: KamailioOptions,
  flags: readonly string[] = ['-DD', '-E'],
): Promise<[string, ...string[]]> {
  const { directory, sipPort, calleePort, record = false, bench = false, timeoutSocket } = options;
  const relaySockets = options.relaySockets ?? `udp:127.0.0.1:${options.relayPort}`;
  const source = await readFile(join(projectRoot, 'test', 'peers', 'kamailio', 'ims.cfg'), 'utf8');
  const path = join(directory, 'kamailio.cfg');
  const values = { sipPort, relaySockets, calleePort, timeoutSocket: timeoutSocket ?? '' };
  await writeFile(
    path,
    source.replaceAll(/@([a-zA-Z]+)@/g, (_, name: keyof typeof values) => String(values[name])),
  );
  const defines = [
    ...(record ? ['RECORD'] : []),
    ...(bench ? ['BENCH'] : []),
    ...(timeoutSocket === undefined ? [] : ['NOTIFY']),
  ];
  // Small memory pools: a test has a call or two.
  const memory = bench ? ['-m', '512', '-M', '64'] : ['-m', '32', '-M', '8'];
  return ['kamailio', ...flags, '-f', path, '-Y', directory, ...memory, ...defines.flatMap((name) => ['-A', name])];
}

/** Kamailio alone; resolves when it answers OPTIONS. */
export async function startKamailio(scope: Scope, options: KamailioOptions): Promise<Program> {
  const program = Program.start(scope, {
    name: 'kamailio',
    command: await kamailioCommand(options),
    cwd: options.directory,
  });
  await waitFor(
    'Kamailio',
    async () => {
      if (!program.running) {
        throw new Error(`Kamailio ended:\n${program.output}`);
      }
      return (await pingSipOptions({ address: '127.0.0.1', port: options.sipPort }, 500)) === 'answered';
    },
    { timeoutMs: 30_000 },
  );
  return program;
}
