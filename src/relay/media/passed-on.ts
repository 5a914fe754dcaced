/**
 * RTP of a party that somebody else has passed on, a program in the kernel: what it counted joins what the path has
 * counted itself, so that a reader sees one stream.
 */

/** Counted over one stretch, from its beginning to now. */
export interface PassedOn {
  readonly packets: number;
  readonly duplicates: number;
  /** Monotonic ms. -Infinity: no packet. */
  readonly lastSeenAt: number;
  readonly longestGapMs: number;
  /** Sequence numbers of the run that goes on, extended beyond 16 bits. */
  readonly lowest: number;
  readonly highest: number;
  /** Packets that the sender must have sent, and of these in runs that ended with a jump. */
  readonly sent: number;
  readonly sentInClosedRuns: number;
  /** RTP clock units: now, largest, and what the mean is made of. */
  readonly jitter: number;
  readonly jitterMax: number;
  readonly jitterSum: number;
  readonly jitterCount: number;
}

const PACKETS = 0;
const DUPLICATES = 1;
const SENT = 2;
const SENT_IN_CLOSED_RUNS = 3;
const JITTER_SUM = 4;
const JITTER_COUNT = 5;
/** What makes a sequence number of the stretch one of ours. */
const OFFSET = 6;

export const JOINT_CELLS = 7;

/** How much of a stretch has been joined already; in cells, as the counters are. */
export class Joint {
  readonly #cells: Float64Array;
  readonly #at: number;

  /** @param at where its JOINT_CELLS numbers begin */
  constructor(cells: Float64Array = new Float64Array(JOINT_CELLS), at = 0) {
    this.#cells = cells;
    this.#at = at;
  }

  /** Another stretch begins. */
  clear(): void {
    this.#cells.fill(0, this.#at, this.#at + JOINT_CELLS);
  }

  get packets(): number {
    return this.#cells[this.#at + PACKETS] as number;
  }

  get duplicates(): number {
    return this.#cells[this.#at + DUPLICATES] as number;
  }

  get sent(): number {
    return this.#cells[this.#at + SENT] as number;
  }

  get sentInClosedRuns(): number {
    return this.#cells[this.#at + SENT_IN_CLOSED_RUNS] as number;
  }

  get jitterSum(): number {
    return this.#cells[this.#at + JITTER_SUM] as number;
  }

  get jitterCount(): number {
    return this.#cells[this.#at + JITTER_COUNT] as number;
  }

  get offset(): number {
    return this.#cells[this.#at + OFFSET] as number;
  }

  note(stretch: PassedOn, offset: number): void {
    this.#cells[this.#at + PACKETS] = stretch.packets;
    this.#cells[this.#at + DUPLICATES] = stretch.duplicates;
    this.#cells[this.#at + SENT] = stretch.sent;
    this.#cells[this.#at + SENT_IN_CLOSED_RUNS] = stretch.sentInClosedRuns;
    this.#cells[this.#at + JITTER_SUM] = stretch.jitterSum;
    this.#cells[this.#at + JITTER_COUNT] = stretch.jitterCount;
    this.#cells[this.#at + OFFSET] = offset;
  }
}
