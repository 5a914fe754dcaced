/**
 * How long each step of a stop may take. The whole budget fits into Docker's 10 s; a longer or shorter one is
 * divided in the same proportion.
 *
 *     budget  ├──────────── ims ────────────┼── relay ──┼ sweep ┤ flush
 *     slice   ├ graceful request            ├ 70 %: TERM to the rest   ├ 90 %: KILL to the group   ├ give up
 */
const SHARES = { ims: 5500 / 8500, relay: 1800 / 8500, sweep: 500 / 8500 } as const;

const TERM_REST_AT = 0.7;
const KILL_AT = 0.9;

/** Past the budget by this much, milliseconds, everything is killed and the program ends, whatever is pending. */
export const WALL_CLOCK_SLACK_MS = 500;

/** Signals closer together than this, milliseconds, are one: a terminal and a launcher may both deliver it. */
export const COALESCE_MS = 300;

export interface StopPlan {
  /** When the members of the group that had no signal yet get TERM, at the latest. */
  readonly termRestAt: number;
  readonly killAt: number;
  /** What lives then cannot be killed; the teardown goes on without it. */
  readonly endAt: number;
}

export function planStop(now: number, service: 'relay' | 'ims', budgetMs: number): StopPlan {
  const sliceMs = budgetMs * SHARES[service];
  return { termRestAt: now + sliceMs * TERM_REST_AT, killAt: now + sliceMs * KILL_AT, endAt: now + sliceMs };
}

/** TERM is tried for this long, milliseconds, on a process that hangs: it will hardly hear it. */
export const HUNG_TERM_MS = 1000;

/** No time for farewells: whoever does not answer us does not answer its calls either. */
export function planHungStop(now: number): StopPlan {
  const killAt = now + HUNG_TERM_MS;
  return { termRestAt: now, killAt, endAt: killAt + HUNG_TERM_MS };
}

export function sweepBudgetMs(budgetMs: number): number {
  return budgetMs * SHARES.sweep;
}
