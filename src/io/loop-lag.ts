import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** The monitor's own period, milliseconds, is part of what it measures. */
const RESOLUTION_MS = 20;

/** How late the event loop is: a blocked loop, a stopped process and a paused machine all show here. */
export class LoopLag {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delay.enable();
  }

  /** The worst since the last look, milliseconds. */
  take(): number {
    const worstMs = Math.max(0, this.#delay.max / 1e6 - RESOLUTION_MS);
    this.#delay.reset();
    return worstMs;
  }

  close(): void {
    this.#delay.disable();
  }
}
