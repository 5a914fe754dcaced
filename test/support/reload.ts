/** A launcher whose configuration file a test changes, and what it says about that. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { choosePlace, configure, type LaunchPlace, startLauncher } from './launcher.ts';
import { type Program, runProgram } from './program.ts';
import { binary } from './project.ts';
import { openScope, type Scope } from './scope.ts';
import { READY_LINE } from './system.ts';
import { waitFor } from './wait.ts';

type Keys = Readonly<Record<string, unknown>>;

export interface Reloadable {
  readonly scope: Scope;
  readonly place: LaunchPlace;
  readonly launcher: Program;
}

/** The system is up, and its file is watched. */
export async function startReloadable(t: TestContext, keys: Keys | ((place: LaunchPlace) => Keys) = {}) {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const chosen = { LOG_LEVEL: 'DEBUG', ...(typeof keys === 'function' ? keys(place) : keys) };
  await configure(place, chosen);
  const launcher = startLauncher(scope, place);
  const run: Reloadable = { scope, place, launcher };
  await ready(run);
  return { ...run, keys: chosen };
}

export async function ready({ launcher }: Pick<Reloadable, 'launcher'>): Promise<void> {
  await launcher.waitForLine(READY_LINE, 30_000);
  // The watch begins with a look.
  await launcher.waitForLine(/"event":"reload.unchanged"/, 30_000);
}

/** How often an event was logged so far. */
export function countOf({ launcher }: Pick<Reloadable, 'launcher'>, event: string): number {
  return launcher.output.split('\n').filter((line) => line.includes(`"event":"${event}"`)).length;
}

export async function waitForCount(run: Reloadable, event: string, count: number, timeoutMs = 15_000): Promise<void> {
  try {
    await waitFor(`${event} number ${count}`, () => countOf(run, event) >= count, { timeoutMs });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${run.launcher.output.split('\n').slice(-30).join('\n')}`);
  }
}

/** One of our commands about the launcher of this place. */
export function ask({ scope, place }: Reloadable, ...words: string[]) {
  const command = [process.execPath, binary('ims-launch'), ...words, '--config', place.configPath] as const;
  const env = { XDG_RUNTIME_DIR: place.directory };
  return runProgram(scope, { name: words[0] ?? '', command: [...command], cwd: '/', env }, 30_000);
}

export interface Pids {
  readonly relay: number | null;
  readonly ims: number | null;
}

export async function pidsOf(run: Reloadable): Promise<Pids> {
  const { services } = JSON.parse((await ask(run, 'status', '--json')).output) as {
    services: Record<'relay' | 'ims', { pid: number | null; restarts: number }>;
  };
  assert.ok(services.relay.pid !== null || services.ims.pid !== null);
  return { relay: services.relay.pid, ims: services.ims.pid };
}
