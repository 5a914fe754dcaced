/** How often, and how soon, a service that ended unasked is started again. Pure; jitter is passed in. */

/** What the configuration says about restarts. */
export interface RestartRules {
  /** Wait before each retry, milliseconds; the last one repeats. The first is for a service that had been healthy. */
  readonly delaysMs: readonly number[];
  /** Ready for this long, milliseconds: the next failure begins the series anew. */
  readonly stableAfterMs: number;
  /** Starts granted to a service that has never been ready in this run. */
  readonly bootAttempts: number;
  /** Unplanned restarts granted within the window to a service that has been ready. */
  readonly budget: { readonly restarts: number; readonly windowMs: number };
}

export const RESTART_DEFAULTS: RestartRules = {
  delaysMs: [0, 250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000],
  stableAfterMs: 60_000,
  bootAttempts: 3,
  budget: { restarts: 10, windowMs: 300_000 },
};

/** Every wait but the first one varies by this share either way, so that two services do not march in step. */
export const JITTER = 0.2;

/** Ready for at least this long, milliseconds: the first retry is immediate. */
export const IMMEDIATE_AFTER_MS = 10_000;

/** Restarts of a living but unresponsive process; afterwards its state is only reported. */
export const HEALTH_BUDGET = { restarts: 3, windowMs: 1_800_000 } as const;

export interface RestartHistory {
  /** Whether any incarnation of this run became ready: decides which budget counts. */
  readonly everReady: boolean;
  /** Unplanned ends in a row, without `stableAfterMs` of readiness between them. */
  readonly failures: number;
  /** Index into the table of delays. */
  readonly step: number;
  /** When the last restarts were granted; only those inside the window are kept. */
  readonly restartedAt: readonly number[];
  readonly healthRestartedAt: readonly number[];
  /** It was said that the budget of restarts for bad health is spent. */
  readonly healthBudgetTold: boolean;
}

export const NO_HISTORY: RestartHistory = {
  everReady: false,
  failures: 0,
  step: 0,
  restartedAt: [],
  healthRestartedAt: [],
  healthBudgetTold: false,
};

export type RestartVerdict =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly attempt: number }
  | { readonly kind: 'give-up'; readonly budget: 'boot' | 'runtime' };

export interface Judgement {
  readonly history: RestartHistory;
  readonly verdict: RestartVerdict;
}

/**
 * Decides after an end that nobody asked for.
 * @param readyForMs how long the incarnation had been ready; undefined: it never was
 * @param random in [0, 1)
 */
export function judgeFailure(
  now: number,
  history: RestartHistory,
  readyForMs: number | undefined,
  random: number,
  rules: RestartRules = RESTART_DEFAULTS,
): Judgement {
  const stable = readyForMs !== undefined && readyForMs >= rules.stableAfterMs;
  const failures = stable ? 1 : history.failures + 1;
  const recent = inWindow(now, history.restartedAt, rules.budget.windowMs);
  if (!history.everReady && failures >= rules.bootAttempts) {
    return { history: { ...history, failures }, verdict: { kind: 'give-up', budget: 'boot' } };
  }
  if (history.everReady && recent.length >= rules.budget.restarts) {
    return { history: { ...history, failures }, verdict: { kind: 'give-up', budget: 'runtime' } };
  }
  const immediate = readyForMs !== undefined && readyForMs >= IMMEDIATE_AFTER_MS;
  const step = Math.min(failures === 1 ? (immediate ? 0 : 1) : history.step + 1, rules.delaysMs.length - 1);
  const delayMs = delayOf(step, rules, random);
  return {
    history: { ...history, failures, step, restartedAt: history.everReady ? [...recent, now] : recent },
    verdict: { kind: 'retry', delayMs, attempt: failures },
  };
}

/** The wait of a service that is tried for ever although its budget is spent, milliseconds. */
export function longestDelayMs(rules: RestartRules, random: number): number {
  return delayOf(rules.delaysMs.length - 1, rules, random);
}

function delayOf(step: number, { delaysMs }: RestartRules, random: number): number {
  const base = delaysMs[step] ?? 0;
  return step === 0 ? base : Math.round(base * (1 + JITTER * (2 * random - 1)));
}

/** Grants a restart for bad health, or undefined when the budget is spent. */
export function grantHealthRestart(now: number, history: RestartHistory): RestartHistory | undefined {
  const recent = inWindow(now, history.healthRestartedAt, HEALTH_BUDGET.windowMs);
  return recent.length >= HEALTH_BUDGET.restarts
    ? undefined
    : { ...history, healthRestartedAt: [...recent, now], healthBudgetTold: false };
}

function inWindow(now: number, instants: readonly number[], windowMs: number): readonly number[] {
  return instants.filter((at) => now - at < windowMs);
}
