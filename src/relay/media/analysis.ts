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
  staticClockRateOf,
  timestampOf,
} from './packet.ts';
import type { Joint, PassedOn } from './passed-on.ts';
import { SeenNumbers } from './seen-numbers.ts';

/** A step further than this is a new segment; SeenNumbers remembers more than twice as many. */
const MAX_JUMP = 536;

/** Jitter is smoothed by 1/16 (RFC 3550 6.4.1). */
const JITTER_GAIN = 16;

/** Where each number lies among the cells of an analysis. */
const RECEIVED = 0;
const DUPLICATES = 1;
const PARSE_ERRORS = 2;
const LONGEST_GAP_MS = 3;
const JITTER_LAST = 4;
const JITTER_MAX = 5;
const JITTER_SUM = 6;
const JITTER_COUNT = 7;
const SENT_IN_CLOSED_SEGMENTS = 8;
const SSRC = 9;
/** Lowest and highest sequence number of the segment, extended beyond 16 bits. */
const LOWEST = 10;
const HIGHEST = 11;
/** Monotonic ms of the last packet, and timestamp and arrival, in timestamp units, of the last one that told jitter. */
const LAST_AT = 12;
const LAST_TIMESTAMP = 13;
const LAST_ARRIVAL = 14;

/** Payload type of what is said, and its clock, Hz; 0: not known yet. */
const PAYLOAD_TYPE = 15;
const CLOCK_HZ = 16;
/** Since when, monotonic ms, and from which timestamp on, the clock is being learned. */
const LEARNS_SINCE = 17;
const LEARNS_FROM = 18;
const GAPS = 19;

export const ANALYSIS_CELLS = 20;

/** A pause that can be heard, ms. */
export const GAP_MS = 200;

/** A clock is learned from so long a stretch of its stream, ms; a step of more than LEARNING_LIMIT_MS tells nothing. */
const LEARNING_MS = 400;
const LEARNING_LIMIT_MS = 5000;

/** What clocks there are; one that is measured is at most this far from its own. */
const CLOCKS_HZ = [8_000, 16_000, 24_000, 32_000, 48_000, 90_000] as const;
const CLOCK_TOLERANCE = 0.12;

const NO_PAYLOAD_TYPE = -1;
const NO_SSRC = -1;
const NO_TIMESTAMP = -1;

/**
 * Its numbers lie in cells that may be shared with another thread, which reads them through an analysis of its own, or
 * goes on where this one has left off.
 */
export class RtpAnalysis {
  readonly #cells: Float64Array;
  readonly #at: number;
  /** A bit for each sequence number of the window. */
  readonly #seen: SeenNumbers;

  /**
   * @param at where its ANALYSIS_CELLS cells begin
   * @param seen which numbers have arrived; what goes on elsewhere without it forgets what a duplicate would be of
   */
  constructor(
    cells: Float64Array = clearAnalysis(new Float64Array(ANALYSIS_CELLS), 0),
    at = 0,
    seen: SeenNumbers = new SeenNumbers(),
  ) {
    this.#cells = cells;
    this.#at = at;
    this.#seen = seen;
  }

  /** Packets received, duplicates left out. */
  get received(): number {
    return this.#get(RECEIVED);
  }

  get duplicates(): number {
    return this.#get(DUPLICATES);
  }

  /** Packets that are no RTP. */
  get parseErrors(): number {
    return this.#get(PARSE_ERRORS);
  }

  /** Longest time between two packets, milliseconds. */
  get longestGapMs(): number {
    return this.#get(LONGEST_GAP_MS);
  }

  /** Pauses of more than GAP_MS. */
  get gaps(): number {
    return this.#get(GAPS);
  }

  /** When the last packet came, monotonic ms; -Infinity: none did. */
  get lastAt(): number {
    return this.#get(LAST_AT);
  }

  /** What the party speaks in, keys left out; undefined: nothing was heard. */
  get payloadType(): number | undefined {
    const type = this.#get(PAYLOAD_TYPE);
    return type === NO_PAYLOAD_TYPE ? undefined : type;
  }

  /** Hz, by the payload type or as it was measured; 0: not known yet. */
  get clockHz(): number {
    return this.#get(CLOCK_HZ);
  }

  /** Jitter in timestamp units: the current SSRC's; below, the largest ever, and the mean. */
  get jitterLast(): number {
    return this.#get(JITTER_LAST);
  }

  get jitterMax(): number {
    return this.#get(JITTER_MAX);
  }

  get jitterMean(): number {
    return this.#get(JITTER_COUNT) === 0 ? 0 : this.#get(JITTER_SUM) / this.#get(JITTER_COUNT);
  }

  /** Packets that the sender must have sent, from the sequence numbers. */
  get sent(): number {
    return this.#get(SENT_IN_CLOSED_SEGMENTS) + (this.#get(HIGHEST) - this.#get(LOWEST) + 1);
  }

  get lost(): number {
    return this.sent - this.received;
  }

  /** Of the packet that was counted last; undefined: there was none. */
  get ssrc(): number | undefined {
    const ssrc = this.#get(SSRC);
    return ssrc === NO_SSRC ? undefined : ssrc;
  }

  /** Takes one accepted packet; `now` in monotonic milliseconds. */
  add(now: number, packet: Uint8Array): void {
    const gap = now - this.#get(LAST_AT);
    if (gap > GAP_MS && gap !== Number.POSITIVE_INFINITY) {
      this.#increment(GAPS);
    }
    if (gap !== Number.POSITIVE_INFINITY && gap > this.#get(LONGEST_GAP_MS)) {
      this.#set(LONGEST_GAP_MS, gap);
    }
    this.#set(LAST_AT, now);
    if (!hasRtpHeader(packet)) {
      this.#increment(PARSE_ERRORS);
      return;
    }
    this.#count(packet);
    this.#measureJitter(now, packet);
  }

  /** What was passed on elsewhere since the last time, of the SSRC that is counted here. */
  join(stretch: PassedOn, joint: Joint): void {
    if (stretch.packets <= joint.packets) {
      return;
    }
    const duplicates = stretch.duplicates - joint.duplicates;
    this.#set(RECEIVED, this.received + stretch.packets - joint.packets - duplicates);
    this.#set(DUPLICATES, this.duplicates + duplicates);
    joint.note(stretch, this.#joinRun(stretch, joint));
    this.#set(LONGEST_GAP_MS, Math.max(this.longestGapMs, stretch.longestGapMs));
    this.#set(LAST_AT, Math.max(this.#get(LAST_AT), stretch.lastSeenAt));
    this.#set(JITTER_LAST, stretch.jitter);
    this.#set(JITTER_MAX, Math.max(this.jitterMax, stretch.jitterMax));
    // The next packet's distance to the last one that was measured here says nothing.
    this.#set(LAST_TIMESTAMP, NO_TIMESTAMP);
    this.#seen.clear();
  }

  /** What turns the stretch's sequence numbers into ours from now on. */
  #joinRun(stretch: PassedOn, joint: Joint): number {
    this.#set(JITTER_SUM, this.#get(JITTER_SUM) + stretch.jitterSum - joint.jitterSum);
    this.#set(JITTER_COUNT, this.#get(JITTER_COUNT) + stretch.jitterCount - joint.jitterCount);
    const highest = this.#get(HIGHEST);
    const step = sequenceDistance(highest & 0xffff, stretch.lowest & 0xffff);
    const isFirst = joint.packets === 0;
    if (stretch.sentInClosedRuns !== joint.sentInClosedRuns || (isFirst && Math.abs(step) > MAX_JUMP)) {
      const runs = stretch.highest - stretch.lowest + 1;
      this.#set(SENT_IN_CLOSED_SEGMENTS, this.sent + stretch.sent - joint.sent - runs);
      this.#set(LOWEST, stretch.lowest);
      this.#set(HIGHEST, stretch.highest);
      return 0;
    }
    const offset = isFirst ? highest + step - stretch.lowest : joint.offset;
    this.#set(HIGHEST, Math.max(highest, stretch.highest + offset));
    this.#set(LOWEST, Math.min(this.#get(LOWEST), stretch.lowest + offset));
    return offset;
  }

  #count(packet: Uint8Array): void {
    const ssrc = ssrcOf(packet);
    const sequence = sequenceNumberOf(packet);
    const highest = this.#get(HIGHEST);
    const step = sequenceDistance(highest & 0xffff, sequence);
    const jumped = Math.abs(step) > MAX_JUMP || (step < 0 && markerOf(packet));
    if (ssrc !== this.#get(SSRC) || jumped) {
      this.#startSegment(ssrc, sequence);
      return;
    }
    const extended = highest + step;
    const seen = this.#seen;
    if (step > 0) {
      for (let passed = highest + 1; passed < extended; passed += 1) {
        seen.forget(passed);
      }
      this.#set(HIGHEST, extended);
    } else if (seen.has(extended)) {
      this.#increment(DUPLICATES);
      return;
    }
    if (extended < this.#get(LOWEST)) {
      this.#set(LOWEST, extended);
    }
    seen.add(extended);
    this.#increment(RECEIVED);
  }

  #startSegment(ssrc: number, sequence: number): void {
    this.#set(SENT_IN_CLOSED_SEGMENTS, this.sent);
    if (ssrc !== this.#get(SSRC)) {
      this.#set(SSRC, ssrc);
      this.#set(LAST_TIMESTAMP, NO_TIMESTAMP);
      this.#set(JITTER_LAST, 0);
      this.#set(CLOCK_HZ, 0);
      this.#set(LEARNS_SINCE, Number.NEGATIVE_INFINITY);
    }
    // Two cycles up, so that packets from before the first one do not become negative.
    const lowest = sequence + 0x20000;
    this.#set(LOWEST, lowest);
    this.#set(HIGHEST, lowest);
    this.#seen.clear();
    this.#seen.add(lowest);
    this.#increment(RECEIVED);
  }

  #measureJitter(now: number, packet: Uint8Array): void {
    const timestamp = timestampOf(packet);
    const lastTimestamp = this.#get(LAST_TIMESTAMP);
    if (timestamp === lastTimestamp) {
      return;
    }
    if (!markerOf(packet)) {
      // A key's packets share a timestamp, and the first of them has the marker: they never come here.
      this.#set(PAYLOAD_TYPE, payloadTypeOf(packet));
    }
    const clockHz = this.#clockOf(now, packet, timestamp);
    if (clockHz === 0) {
      return;
    }
    const arrival = (now * clockHz) / 1000;
    if (lastTimestamp !== NO_TIMESTAMP) {
      const difference = Math.abs(arrival - this.#get(LAST_ARRIVAL) - ((timestamp - lastTimestamp) | 0));
      const before = this.#get(JITTER_LAST);
      const jitter = before + (difference - before) / JITTER_GAIN;
      this.#set(JITTER_LAST, jitter);
      if (jitter > this.#get(JITTER_MAX)) {
        this.#set(JITTER_MAX, jitter);
      }
      this.#set(JITTER_SUM, this.#get(JITTER_SUM) + jitter);
      this.#increment(JITTER_COUNT);
    }
    this.#set(LAST_TIMESTAMP, timestamp);
    this.#set(LAST_ARRIVAL, arrival);
  }

  /** Hz; 0: a dynamic payload type, whose clock has not been learned. */
  #clockOf(now: number, packet: Uint8Array, timestamp: number): number {
    const fixed = staticClockRateOf(payloadTypeOf(packet));
    const known = this.#get(CLOCK_HZ);
    if (fixed !== 0 || known !== 0) {
      if (fixed !== 0 && fixed !== known) {
        this.#set(CLOCK_HZ, fixed);
        this.#set(LAST_TIMESTAMP, NO_TIMESTAMP);
      }
      return fixed === 0 ? known : fixed;
    }
    const elapsed = now - this.#get(LEARNS_SINCE);
    if (elapsed < LEARNING_MS) {
      return 0;
    }
    if (elapsed < LEARNING_LIMIT_MS) {
      const measured = (((timestamp - this.#get(LEARNS_FROM)) | 0) * 1000) / elapsed;
      const nearest = CLOCKS_HZ.find((hz) => Math.abs(measured - hz) <= CLOCK_TOLERANCE * hz);
      if (nearest !== undefined) {
        this.#set(CLOCK_HZ, nearest);
        return nearest;
      }
    }
    this.#set(LEARNS_SINCE, now);
    this.#set(LEARNS_FROM, timestamp);
    return 0;
  }

  #get(cell: number): number {
    return this.#cells[this.#at + cell] as number;
  }

  #set(cell: number, value: number): void {
    this.#cells[this.#at + cell] = value;
  }

  #increment(cell: number): void {
    this.#set(cell, this.#get(cell) + 1);
  }
}

/** Makes the cells from `at` on those of an analysis that has seen nothing. */
export function clearAnalysis(cells: Float64Array, at: number): Float64Array {
  cells.fill(0, at, at + ANALYSIS_CELLS);
  cells[at + SSRC] = NO_SSRC;
  // No packet: `sent` is highest - lowest + 1.
  cells[at + HIGHEST] = -1;
  cells[at + LAST_AT] = Number.NEGATIVE_INFINITY;
  cells[at + LAST_TIMESTAMP] = NO_TIMESTAMP;
  cells[at + PAYLOAD_TYPE] = NO_PAYLOAD_TYPE;
  cells[at + LEARNS_SINCE] = Number.NEGATIVE_INFINITY;
  return cells;
}
