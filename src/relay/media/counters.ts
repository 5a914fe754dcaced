import { ANALYSIS_CELLS, clearAnalysis, RtpAnalysis } from './analysis.ts';
import type { Joint, PassedOn } from './passed-on.ts';
import type { SeenNumbers } from './seen-numbers.ts';

/** Where each number lies among the cells of a leg; the analysis follows. */
const RTP_ACCEPTED = 0;
const RTP_REFUSED = 1;
const RTP_RELAYED = 2;
const RTP_DROPPED = 3;
const RTCP_ACCEPTED = 4;
const RTCP_REFUSED = 5;
const RTCP_RELAYED = 6;
const RTCP_DROPPED = 7;
const LAST_ACCEPTED_AT = 8;
/** What the party reports of the other one's RTP (RFC 3550 6.4.1): reports, fraction lost in 256ths, jitter. */
const REPORTS = 9;
const REPORTED_LOSS = 10;
const REPORTED_JITTER = 11;
const OWN_CELLS = 12;

export const LEG_CELLS = OWN_CELLS + ANALYSIS_CELLS;

/**
 * What one leg has seen; written per packet by its plane, read by `Q`, `G`, `I` and the session clock. The numbers lie
 * in cells, so that the thread that writes them and the one that reads them may share them.
 */
export class LegCounters {
  /** When the last packet of a prompt was sent to this party; monotonic ms. -Infinity: never. Not in the cells: who plays keeps it. */
  lastPlayedAt = Number.NEGATIVE_INFINITY;
  readonly analysis: RtpAnalysis;
  readonly #cells: Float64Array;
  readonly #at: number;

  /**
   * @param at where its LEG_CELLS numbers begin, made by `clearLegCells` or left by another one
   * @param seen see RtpAnalysis
   */
  constructor(cells: Float64Array = clearLegCells(new Float64Array(LEG_CELLS)), at = 0, seen?: SeenNumbers) {
    this.#cells = cells;
    this.#at = at;
    this.analysis = new RtpAnalysis(cells, at + OWN_CELLS, seen);
  }

  /** RTP packets accepted from this party. */
  get rtpAccepted(): number {
    return this.#get(RTP_ACCEPTED);
  }

  /** RTP packets from sources that are not this party. */
  get rtpRefused(): number {
    return this.#get(RTP_REFUSED);
  }

  /** Of the accepted ones: sent on to the other party. */
  get rtpRelayed(): number {
    return this.#get(RTP_RELAYED);
  }

  /** Of the accepted ones: the other party's address was not known, it heard a prompt or another session, or was not to hear it. */
  get rtpDropped(): number {
    return this.#get(RTP_DROPPED);
  }

  get rtcpAccepted(): number {
    return this.#get(RTCP_ACCEPTED);
  }

  get rtcpRefused(): number {
    return this.#get(RTCP_REFUSED);
  }

  get rtcpRelayed(): number {
    return this.#get(RTCP_RELAYED);
  }

  get rtcpDropped(): number {
    return this.#get(RTCP_DROPPED);
  }

  /** Reports of this party on what it hears of the other one. */
  get reports(): number {
    return this.#get(REPORTS);
  }

  /** What the last one says was lost since the one before, 0 to 1. */
  get reportedLoss(): number {
    return this.#get(REPORTED_LOSS) / 256;
  }

  /** What it says of jitter, in the other party's timestamp units. */
  get reportedJitter(): number {
    return this.#get(REPORTED_JITTER);
  }

  /** @param lost in 256ths */
  noteReport(lost: number, jitter: number): void {
    this.#add(REPORTS, 1);
    this.#set(REPORTED_LOSS, lost);
    this.#set(REPORTED_JITTER, jitter);
  }

  /** When the last packet, RTP or RTCP, was accepted; monotonic ms. -Infinity: never. */
  get lastAcceptedAt(): number {
    return this.#get(LAST_ACCEPTED_AT);
  }

  set lastAcceptedAt(now: number) {
    this.#set(LAST_ACCEPTED_AT, now);
  }

  countAccepted(isRtp: boolean): void {
    this.#add(isRtp ? RTP_ACCEPTED : RTCP_ACCEPTED, 1);
  }

  /** @param count negative: so many that were refused are accepted after all */
  countRefused(isRtp: boolean, count: number): void {
    this.#add(isRtp ? RTP_REFUSED : RTCP_REFUSED, count);
  }

  countRelayed(isRtp: boolean): void {
    this.#add(isRtp ? RTP_RELAYED : RTCP_RELAYED, 1);
  }

  countDropped(isRtp: boolean): void {
    this.#add(isRtp ? RTP_DROPPED : RTCP_DROPPED, 1);
  }

  /** What was passed on elsewhere since the last time. */
  join(stretch: PassedOn, joint: Joint): void {
    const packets = stretch.packets - joint.packets;
    if (packets > 0) {
      this.#add(RTP_ACCEPTED, packets);
      this.#add(RTP_RELAYED, packets);
      this.lastAcceptedAt = Math.max(this.lastAcceptedAt, stretch.lastSeenAt);
      this.analysis.join(stretch, joint);
    }
  }

  #add(cell: number, count: number): void {
    this.#set(cell, this.#get(cell) + count);
  }

  #get(cell: number): number {
    return this.#cells[this.#at + cell] as number;
  }

  #set(cell: number, value: number): void {
    this.#cells[this.#at + cell] = value;
  }
}

/** Makes the cells from `at` on those of a leg that has seen nothing. */
export function clearLegCells(cells: Float64Array, at = 0): Float64Array {
  cells.fill(0, at, at + OWN_CELLS);
  cells[at + LAST_ACCEPTED_AT] = Number.NEGATIVE_INFINITY;
  return clearAnalysis(cells, at + OWN_CELLS);
}
