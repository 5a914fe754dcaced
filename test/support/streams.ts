/** A program whose standard output and error are kept apart, and whose reader can stall or leave. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { LaunchPlace } from './launcher.ts';
import { cleanEnvironment } from './program.ts';
import { binary } from './project.ts';
import type { Scope } from './scope.ts';
import { processesOfRun, RUN_VARIABLE } from './survivors.ts';
import { waitFor, within } from './wait.ts';

export interface Streams {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Lines of standard error, which are JSON where there is no terminal. */
  log(): Record<string, unknown>[];
  exited(timeoutMs?: number): Promise<number | null>;
}

/** Starts ims-launch; the scope ends it and looks for survivors. `read: false` leaves standard error to the test. */
export function startWithStreams(
  scope: Scope,
  place: LaunchPlace,
  { env = {}, args = [], read = true }: { env?: Record<string, string>; args?: readonly string[]; read?: boolean } = {},
): Streams {
  const cookie = `${scope.runId}/streams-${place.sipPort}`;
  const child = spawn(process.execPath, [binary('ims-launch'), '--config', place.configPath, ...args], {
    cwd: place.directory,
    env: { ...cleanEnvironment(), XDG_RUNTIME_DIR: place.directory, ...env, [RUN_VARIABLE]: cookie },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('error', () => {});
    if (name === 'stdout' || read) {
      child[name].on('data', (chunk: string) => {
        texts[name] += chunk;
      });
    }
  }
  const ended = once(child, 'close');
  scope.defer(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.stderr.resume();
      child.kill('SIGTERM');
      await within('the end of ims-launch', 15_000, ended);
    }
    await waitFor('no survivor', () => processesOfRun(cookie).length === 0);
  });
  return {
    child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    log: () =>
      texts.stderr
        .split('\n')
        // The last one may have arrived in part.
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async exited(timeoutMs = 20_000) {
      const [code] = (await within('the end of ims-launch', timeoutMs, ended)) as [number | null];
      return code;
    },
  };
}
