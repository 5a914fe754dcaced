import { ANALYSIS_CELLS, clearAnalysis, RtpAnalysis } from './analysis.ts';
import type { Joint, PassedOn } from './passed-on.ts';

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

  /** @param cells LEG_CELLS numbers, made by `clearLegCells` or left by another one */
  constructor(cells: Float64Array = clearLegCells(new Float64Array(LEG_CELLS))) {
    this.#cells = cells;
    this.analysis = new RtpAnalysis(cells, OWN_CELLS);
  }

  /** RTP packets accepted from this party. */
  get rtpAccepted(): number {
    return this.#cells[RTP_ACCEPTED] as number;
  }

  /** RTP packets from sources that are not this party. */
  get rtpRefused(): number {
    return this.#cells[RTP_REFUSED] as number;
  }

  /** Of the accepted ones: sent on to the other party. */
  get rtpRelayed(): number {
    return this.#cells[RTP_RELAYED] as number;
  }

  /** Of the accepted ones: the other party's address was not known, it heard a prompt or another session, or was not to hear it. */
  get rtpDropped(): number {
    return this.#cells[RTP_DROPPED] as number;
  }

  get rtcpAccepted(): number {
    return this.#cells[RTCP_ACCEPTED] as number;
  }

  get rtcpRefused(): number {
    return this.#cells[RTCP_REFUSED] as number;
  }

  get rtcpRelayed(): number {
    return this.#cells[RTCP_RELAYED] as number;
  }

  get rtcpDropped(): number {
    return this.#cells[RTCP_DROPPED] as number;
  }

  /** Reports of this party on what it hears of the other one. */
  get reports(): number {
    return this.#cells[REPORTS] as number;
  }

  /** What the last one says was lost since the one before, 0 to 1. */
  get reportedLoss(): number {
    return (this.#cells[REPORTED_LOSS] as number) / 256;
  }

  /** What it says of jitter, in the other party's timestamp units. */
  get reportedJitter(): number {
    return this.#cells[REPORTED_JITTER] as number;
  }

  /** @param lost in 256ths */
  noteReport(lost: number, jitter: number): void {
    this.#add(REPORTS, 1);
    this.#cells[REPORTED_LOSS] = lost;
    this.#cells[REPORTED_JITTER] = jitter;
  }

  /** When the last packet, RTP or RTCP, was accepted; monotonic ms. -Infinity: never. */
  get lastAcceptedAt(): number {
    return this.#cells[LAST_ACCEPTED_AT] as number;
  }

  set lastAcceptedAt(now: number) {
    this.#cells[LAST_ACCEPTED_AT] = now;
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
    this.#cells[cell] = (this.#cells[cell] as number) + count;
  }
}

/** Makes them the cells of a leg that has seen nothing. */
export function clearLegCells(cells: Float64Array): Float64Array {
  cells.fill(0, 0, OWN_CELLS);
  cells[LAST_ACCEPTED_AT] = Number.NEGATIVE_INFINITY;
  return clearAnalysis(cells, OWN_CELLS);
}
