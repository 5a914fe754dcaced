/** When relays of a set are asked, and what their refusals mean for new sessions. */
export interface RelaySetPolicy {
  /** A relay that was not heard of for this long is asked whether it is there. */
  readonly checkMs: number;
  /** From the failure of a relay to the first question; doubled each time up to the longest. */
  readonly firstProbeMs: number;
  readonly longestProbeMs: number;
}

export const RELAY_SET_DEFAULTS = {
  checkMs: 5000,
  firstProbeMs: 1000,
  longestProbeMs: 30_000,
} as const satisfies RelaySetPolicy;

/** While another relay is left to try, a caller does not wait for one that is silent as long as for the only one. */
export const FAILOVER_BUDGET_MS = 1500;

/** Relays that are asked for one new session: a caller waits through the silence of each. */
export const MAX_ATTEMPTS = 4;

/** How long other relays come first after an E-code: used-up ports come back call by call, a relay that drains does not. */
const RESTS_MS: Readonly<Record<number, number>> = { 71: 1000, 72: 1000, 98: 1000, 99: 10_000 };

/** Refusals that another relay may not share: no port, overload, draining. All others it would repeat. */
export function mayTryAnother(code: number): boolean {
  return code in RESTS_MS;
}

/** Milliseconds. */
export function restOf(code: number): number {
  return RESTS_MS[code] ?? Number.NEGATIVE_INFINITY;
}
