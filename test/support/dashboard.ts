/** A system of the shipped programs with its dashboard on a port that the system chose. */
import { choosePlace, configure, fieldOf, type LaunchPlace, startLauncher } from './launcher.ts';
import type { Program } from './program.ts';
import type { Scope } from './scope.ts';
import { READY_LINE } from './system.ts';

export interface DashboardSystem {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  readonly place: LaunchPlace;
  readonly launcher: Program;
}

const PATIENCE_MS = 60_000;

export async function startDashboard(
  scope: Scope,
  dashboard: Readonly<Record<string, unknown>> = {},
  keys: Readonly<Record<string, unknown>> = {},
): Promise<DashboardSystem> {
  const place = await choosePlace(scope);
  await configure(place, { ...keys, dashboard: { listen: '127.0.0.1:0', ...dashboard } });
  const launcher = startLauncher(scope, place);
  const line = await launcher.waitForLine(/"event":"dashboard\.open"/, PATIENCE_MS);
  await launcher.waitForLine(READY_LINE, PATIENCE_MS);
  return { url: String(fieldOf(line, 'local')), place, launcher };
}
