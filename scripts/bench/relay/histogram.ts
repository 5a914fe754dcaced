/** Delays in microseconds, counted in buckets of at most 1.6 % of their value: adding one costs no memory. */

/** 2^6 buckets an octave. */
const SUB_BITS = 6;
const SUB = 2 ** SUB_BITS;
/** Up to 2^32 µs, more than an hour. */
const OCTAVES = 32;

export class Histogram {
  readonly #counts = new Uint32Array((OCTAVES - SUB_BITS + 1) * SUB);
  #total = 0;
  #max = 0;

  get total(): number {
    return this.#total;
  }

  get max(): number {
    return this.#max;
  }

  /** Below zero counts as zero: two clocks were read a moment apart. */
  add(value: number): void {
    const whole = value > 0 ? Math.min(Math.round(value), 2 ** OCTAVES - 1) : 0;
    this.#counts[bucketOf(whole)] = (this.#counts[bucketOf(whole)] ?? 0) + 1;
    this.#total += 1;
    this.#max = Math.max(this.#max, whole);
  }

  /** The value that this share of all values does not exceed; 0 when there is none. */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(this.#total * share));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) {
        return Math.min(topOf(bucket), this.#max);
      }
    }
    return 0;
  }

  /** How many values are above; exact to a bucket. */
  above(value: number): number {
    let count = 0;
    for (let bucket = bucketOf(Math.round(value)) + 1; bucket < this.#counts.length; bucket++) {
      count += this.#counts[bucket] ?? 0;
    }
    return count;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#max = 0;
  }
}

/** Below 2 * SUB a bucket a value; above, the highest SUB_BITS + 1 bits choose. */
function bucketOf(value: number): number {
  const shift = Math.max(0, 31 - Math.clz32(value) - SUB_BITS);
  return shift * SUB + (value >>> shift);
}

/** The highest value of a bucket. */
function topOf(bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / SUB) - 1);
  return (bucket - shift * SUB + 1) * 2 ** shift - 1;
}
