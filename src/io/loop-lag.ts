/** From one look at the clock to the next, milliseconds. */
const RESOLUTION_MS = 20;

/**
 * How late the event loop is: a blocked loop, a stopped process and a paused machine all show here. Not Node's own
 * monitor, which misses a delay that begins within its first period, and one that has not ended yet.
 */
export class LoopLag {
  readonly #timer: NodeJS.Timeout;
  #dueAt = performance.now() + RESOLUTION_MS;
  #worstMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#look(), RESOLUTION_MS);
    this.#timer.unref();
  }

  /** The worst since the last call, milliseconds. */
  take(): number {
    this.#look();
    const worstMs = this.#worstMs;
    this.#worstMs = 0;
    return worstMs;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    this.#worstMs = Math.max(this.#worstMs, now - this.#dueAt);
    this.#dueAt = now + RESOLUTION_MS;
  }
}
