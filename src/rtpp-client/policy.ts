/** How long and how often one command is sent before it counts as unanswered. */
export interface RetryPolicy {
  /** Wait before the first retransmission. */
  readonly firstMs: number;
  /** Each further wait is this many times the one before; 1 keeps them equal. */
  readonly factor: number;
  /** From the first transmission to giving up. */
  readonly budgetMs: number;
}

export interface RtppClientOptions {
  readonly retry: RetryPolicy;
  /** Commands without an outcome; one more is refused at once, so that a dead relay cannot make memory grow. */
  readonly maxInFlight: number;
}

/**
 * Sent at 0, 300, 900 and 2100 ms. A relay on this host answers within a millisecond, so the first repetition comes
 * early; the budget is that of a caller who waits for a ringing tone.
 */
export const RTPP_CLIENT_DEFAULTS = {
  retry: { firstMs: 300, factor: 2, budgetMs: 3000 },
  maxInFlight: 4096,
} as const satisfies RtppClientOptions;
