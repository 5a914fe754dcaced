/** Interarrival jitter (RFC 3550 6.4.1, A.8): the smoothed change of the time that packets are under way. */
export class JitterEstimator {
  readonly #clockRateHz: number;
  #lastArrivalAt: number | undefined;
  #lastTimestamp = 0;
  #jitter = 0;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /** `arrivalAt`: monotonic milliseconds. Both clocks count only by their differences, so wraps do no harm. */
  update(arrivalAt: number, timestamp: number): void {
    if (this.#lastArrivalAt !== undefined) {
      const arrived = ((arrivalAt - this.#lastArrivalAt) * this.#clockRateHz) / 1000;
      // `| 0` is the signed difference of two 32-bit counters.
      const sent = (timestamp - this.#lastTimestamp) | 0;
      this.#jitter += (Math.abs(arrived - sent) - this.#jitter) / 16;
    }
    this.#lastArrivalAt = arrivalAt;
    this.#lastTimestamp = timestamp;
  }

  /** In units of the timestamp, as a report block carries it. */
  get jitter(): number {
    return Math.floor(this.#jitter);
  }

  get jitterMs(): number {
    return (this.#jitter * 1000) / this.#clockRateHz;
  }
}
