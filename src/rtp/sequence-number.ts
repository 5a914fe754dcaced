/** Sequence numbers are 16 bits and wrap every 22 minutes at 50 packets a second (RFC 3550 A.1, A.3). */

const MODULUS = 1 << 16;

/** A jump ahead by more is a restart, not loss. */
const MAX_DROPOUT = 3000;

/** A packet late by more is a restart, not reordering. */
const MAX_MISORDER = 100;

/** Packets in sequence after which a source counts as one. */
const MIN_SEQUENTIAL = 2;

/** The way from one number to the other, -32768…32767; positive when `to` is newer. */
export function sequenceDelta(from: number, to: number): number {
  const delta = (to - from) & 0xffff;
  return delta < 0x8000 ? delta : delta - MODULUS;
}

/** `number` after `count` more packets. */
export function addSequence(number: number, count: number): number {
  return (number + count) & 0xffff;
}

export type SequenceVerdict =
  /** Newer than any before. */
  | 'newer'
  /** A number that was passed already: late or doubled. */
  | 'older'
  /** Not yet enough packets in a row to believe in the source. */
  | 'probation'
  /** Far from what was expected, seen once: dropped, or the first of a restarted sender. */
  | 'jump';

/** One source's numbers: validity, the extended highest, and what RTCP reports as lost (RFC 3550 A.1, A.3). */
export class SequenceTracker {
  #base = 0;
  #highest = 0;
  /** Wraps so far, times 65536. */
  #cycles = 0;
  /** The number that would confirm a restart; -1: none awaited. */
  #expectedAfterJump = -1;
  #probation = MIN_SEQUENTIAL;
  #started = false;
  #received = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;

  update(sequenceNumber: number): SequenceVerdict {
    if (!this.#started) {
      this.#restart(sequenceNumber);
      this.#started = true;
      this.#highest = addSequence(sequenceNumber, -1);
    }
    return this.#probation > 0 ? this.#probe(sequenceNumber) : this.#follow(sequenceNumber);
  }

  /** Highest number received, with the count of wraps above it; 32 bits. */
  get extendedHighest(): number {
    return this.#cycles + this.#highest;
  }

  /** Packets received since the source was believed in, late and doubled ones included. */
  get received(): number {
    return this.#received;
  }

  get expected(): number {
    return this.#probation > 0 ? 0 : this.extendedHighest - this.#base + 1;
  }

  /** Cumulative loss, 24 bits signed: doubled packets make it negative. */
  get cumulativeLost(): number {
    return Math.max(-0x800000, Math.min(0x7fffff, this.expected - this.#received));
  }

  /** The share lost since the last call, in 1/256; what a report block carries. */
  takeFractionLost(): number {
    const expected = this.expected - this.#expectedPrior;
    const lost = expected - (this.#received - this.#receivedPrior);
    this.#expectedPrior = this.expected;
    this.#receivedPrior = this.#received;
    return expected <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected));
  }

  #probe(sequenceNumber: number): SequenceVerdict {
    const inOrder = sequenceNumber === addSequence(this.#highest, 1);
    this.#highest = sequenceNumber;
    this.#probation = inOrder ? this.#probation - 1 : MIN_SEQUENTIAL - 1;
    if (this.#probation > 0) {
      return 'probation';
    }
    this.#restart(sequenceNumber);
    this.#received = 1;
    return 'newer';
  }

  #follow(sequenceNumber: number): SequenceVerdict {
    const ahead = (sequenceNumber - this.#highest) & 0xffff;
    if (ahead !== 0 && ahead < MAX_DROPOUT) {
      if (sequenceNumber < this.#highest) {
        this.#cycles += MODULUS;
      }
      this.#highest = sequenceNumber;
      this.#received += 1;
      return 'newer';
    }
    if (ahead !== 0 && ahead <= MODULUS - MAX_MISORDER) {
      if (sequenceNumber !== this.#expectedAfterJump) {
        this.#expectedAfterJump = addSequence(sequenceNumber, 1);
        return 'jump';
      }
      // Two in a row from over there: the sender restarted without saying so.
      this.#restart(sequenceNumber);
      this.#received = 1;
      return 'newer';
    }
    this.#received += 1;
    return 'older';
  }

  #restart(sequenceNumber: number): void {
    this.#base = sequenceNumber;
    this.#highest = sequenceNumber;
    this.#cycles = 0;
    this.#expectedAfterJump = -1;
    this.#received = 0;
    this.#receivedPrior = 0;
    this.#expectedPrior = 0;
  }
}
