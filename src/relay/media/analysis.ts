/**
 * Sequence and jitter of what one party sends: the `rtpa_*` and `longest_ipi` counters. A segment is a run of
 * sequence numbers without a jump; loss is counted inside segments only, so a restarted sender is not "lost".
 */
import {
  hasRtpHeader,
  markerOf,
  payloadTypeOf,
  sequenceDistance,
  sequenceNumberOf,
  ssrcOf,
  timestampOf,
} from './packet.ts';

/** A step further than this is a new segment. */
const MAX_JUMP = 536;

/** Sequence numbers whose arrival is remembered; a power of two above 2 · MAX_JUMP. */
const WINDOW = 2048;

/** Jitter is smoothed by 1/16 (RFC 3550 6.4.1). */
const JITTER_GAIN = 16;

/** Room that `save` takes. */
export const ANALYSIS_CELLS = 15;

export class RtpAnalysis {
  /** Packets received, duplicates left out. */
  received = 0;
  duplicates = 0;
  /** Packets that are no RTP. */
  parseErrors = 0;
  /** Longest time between two packets, milliseconds. */
  longestGapMs = 0;
  /** Jitter in timestamp units: the current SSRC's, the largest ever, and the sum for the mean. */
  jitterLast = 0;
  jitterMax = 0;
  #jitterSum = 0;
  #jitterCount = 0;

  #sentInClosedSegments = 0;
  #ssrc = -1;
  /** Sequence numbers extended beyond 16 bits. */
  #lowest = 0;
  #highest = -1;
  readonly #seen = new Uint32Array(WINDOW / 32);

  #lastAt = Number.NEGATIVE_INFINITY;
  #lastTimestamp = -1;
  #lastArrival = 0;

  /** Packets that the sender must have sent, from the sequence numbers. */
  get sent(): number {
    return this.#sentInClosedSegments + (this.#highest - this.#lowest + 1);
  }

  /** Of the packet that was counted last; undefined: there was none. */
  get ssrc(): number | undefined {
    return this.#ssrc === -1 ? undefined : this.#ssrc;
  }

  get lost(): number {
    return this.sent - this.received;
  }

  get jitterMean(): number {
    return this.#jitterCount === 0 ? 0 : this.#jitterSum / this.#jitterCount;
  }

  /** Writes ANALYSIS_CELLS numbers from `at` on; see `LegCounters.save`. */
  save(cells: Float64Array, at: number): void {
    cells[at] = this.received;
    cells[at + 1] = this.duplicates;
    cells[at + 2] = this.parseErrors;
    cells[at + 3] = this.longestGapMs;
    cells[at + 4] = this.jitterLast;
    cells[at + 5] = this.jitterMax;
    cells[at + 6] = this.#jitterSum;
    cells[at + 7] = this.#jitterCount;
    cells[at + 8] = this.#sentInClosedSegments;
    cells[at + 9] = this.#ssrc;
    cells[at + 10] = this.#lowest;
    cells[at + 11] = this.#highest;
    cells[at + 12] = this.#lastAt;
    cells[at + 13] = this.#lastTimestamp;
    cells[at + 14] = this.#lastArrival;
  }

  /** Goes on where another left off; only what a duplicate would be of is forgotten. */
  load(cells: Float64Array, at: number): void {
    const read = (index: number): number => cells[at + index] ?? 0;
    this.received = read(0);
    this.duplicates = read(1);
    this.parseErrors = read(2);
    this.longestGapMs = read(3);
    this.jitterLast = read(4);
    this.jitterMax = read(5);
    this.#jitterSum = read(6);
    this.#jitterCount = read(7);
    this.#sentInClosedSegments = read(8);
    this.#ssrc = read(9);
    this.#lowest = read(10);
    this.#highest = read(11);
    this.#lastAt = read(12);
    this.#lastTimestamp = read(13);
    this.#lastArrival = read(14);
  }

  /** Takes one accepted packet; `now` in monotonic milliseconds. */
  add(now: number, packet: Uint8Array): void {
    if (this.#lastAt !== Number.NEGATIVE_INFINITY) {
      this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastAt);
    }
    this.#lastAt = now;
    if (!hasRtpHeader(packet)) {
      this.parseErrors += 1;
      return;
    }
    this.#count(packet);
    this.#measureJitter(now, packet);
  }

  #count(packet: Uint8Array): void {
    const ssrc = ssrcOf(packet);
    const sequence = sequenceNumberOf(packet);
    const step = sequenceDistance(this.#highest & 0xffff, sequence);
    const jumped = Math.abs(step) > MAX_JUMP || (step < 0 && markerOf(packet));
    if (ssrc !== this.#ssrc || jumped) {
      this.#startSegment(ssrc, sequence);
      return;
    }
    const extended = this.#highest + step;
    if (step > 0) {
      for (let passed = this.#highest + 1; passed < extended; passed += 1) {
        this.#forget(passed);
      }
      this.#highest = extended;
    } else if (this.#hasSeen(extended)) {
      this.duplicates += 1;
      return;
    }
    this.#lowest = Math.min(this.#lowest, extended);
    this.#remember(extended);
    this.received += 1;
  }

  #startSegment(ssrc: number, sequence: number): void {
    this.#sentInClosedSegments = this.sent;
    if (ssrc !== this.#ssrc) {
      this.#ssrc = ssrc;
      this.#lastTimestamp = -1;
      this.jitterLast = 0;
    }
    // Two cycles up, so that packets from before the first one do not become negative.
    this.#lowest = sequence + 0x20000;
    this.#highest = this.#lowest;
    this.#seen.fill(0);
    this.#remember(this.#highest);
    this.received += 1;
  }

  #measureJitter(now: number, packet: Uint8Array): void {
    const timestamp = timestampOf(packet);
    if (timestamp === this.#lastTimestamp) {
      return;
    }
    const arrival = (now * clockRateOf(payloadTypeOf(packet))) / 1000;
    if (this.#lastTimestamp !== -1) {
      const difference = Math.abs(arrival - this.#lastArrival - ((timestamp - this.#lastTimestamp) | 0));
      this.jitterLast += (difference - this.jitterLast) / JITTER_GAIN;
      this.jitterMax = Math.max(this.jitterMax, this.jitterLast);
      this.#jitterSum += this.jitterLast;
      this.#jitterCount += 1;
    }
    this.#lastTimestamp = timestamp;
    this.#lastArrival = arrival;
  }

  #hasSeen(extended: number): boolean {
    const slot = extended % WINDOW;
    return ((this.#seen[slot >> 5] ?? 0) & (1 << (slot & 31))) !== 0;
  }

  #remember(extended: number): void {
    const slot = extended % WINDOW;
    this.#seen[slot >> 5] = (this.#seen[slot >> 5] ?? 0) | (1 << (slot & 31));
  }

  #forget(extended: number): void {
    const slot = extended % WINDOW;
    this.#seen[slot >> 5] = (this.#seen[slot >> 5] ?? 0) & ~(1 << (slot & 31));
  }
}

/** Hz. The relay is not told what a dynamic payload type is; telephony's 8 kHz is what rtpproxy assumes, too. */
function clockRateOf(payloadType: number): number {
  if (payloadType === 10 || payloadType === 11) {
    return 44_100;
  }
  // Static video types of RFC 3551 table 5.
  return payloadType >= 25 && payloadType <= 34 ? 90_000 : 8_000;
}
