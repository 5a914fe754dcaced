/** Lets the first few of a burst through: for log lines that packets can cause. */
export class LogLimit {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  /** `burst` lines at once, then one each `everyMs`. */
  constructor(burst = 5, everyMs = 10_000) {
    this.#burst = burst;
    this.#perMs = 1 / everyMs;
    this.#tokens = burst;
  }

  /** The number of lines swallowed since the last one that was allowed, or undefined: swallow this one, too. */
  allow(now: number): number | undefined {
    if (this.#at !== Number.NEGATIVE_INFINITY) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    }
    this.#at = now;
    if (this.#tokens < 1) {
      this.#suppressed += 1;
      return undefined;
    }
    this.#tokens -= 1;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
