import { ANALYSIS_CELLS, RtpAnalysis } from './analysis.ts';

const OWN_CELLS = 9;

/** Room that `save` takes. */
export const LEG_CELLS = OWN_CELLS + ANALYSIS_CELLS;

/** What one leg has seen; written per packet by its plane, read by `Q`, `G`, `I` and the session clock. */
export class LegCounters {
  /** RTP packets accepted from this party. */
  rtpAccepted = 0;
  /** RTP packets from sources that are not this party. */
  rtpRefused = 0;
  /** Of the accepted ones: sent on to the other party. */
  rtpRelayed = 0;
  /** Of the accepted ones: the other party's address was not known, it heard a prompt or another session, or was not to hear it. */
  rtpDropped = 0;
  rtcpAccepted = 0;
  rtcpRefused = 0;
  rtcpRelayed = 0;
  rtcpDropped = 0;
  /** When the last packet, RTP or RTCP, was accepted; monotonic ms. -Infinity: never. */
  lastAcceptedAt = Number.NEGATIVE_INFINITY;
  /** When the last packet of a prompt was sent to this party; monotonic ms. -Infinity: never. Not saved: who plays keeps it. */
  lastPlayedAt = Number.NEGATIVE_INFINITY;
  readonly analysis = new RtpAnalysis();

  /** Writes everything into LEG_CELLS numbers, from where another thread, or whoever takes the leg over, loads it. */
  save(cells: Float64Array): void {
    cells[0] = this.rtpAccepted;
    cells[1] = this.rtpRefused;
    cells[2] = this.rtpRelayed;
    cells[3] = this.rtpDropped;
    cells[4] = this.rtcpAccepted;
    cells[5] = this.rtcpRefused;
    cells[6] = this.rtcpRelayed;
    cells[7] = this.rtcpDropped;
    cells[8] = this.lastAcceptedAt;
    this.analysis.save(cells, OWN_CELLS);
  }

  load(cells: Float64Array): void {
    const [rtpAccepted = 0, rtpRefused = 0, rtpRelayed = 0, rtpDropped = 0] = cells;
    this.rtpAccepted = rtpAccepted;
    this.rtpRefused = rtpRefused;
    this.rtpRelayed = rtpRelayed;
    this.rtpDropped = rtpDropped;
    this.rtcpAccepted = cells[4] ?? 0;
    this.rtcpRefused = cells[5] ?? 0;
    this.rtcpRelayed = cells[6] ?? 0;
    this.rtcpDropped = cells[7] ?? 0;
    this.lastAcceptedAt = cells[8] ?? Number.NEGATIVE_INFINITY;
    this.analysis.load(cells, OWN_CELLS);
  }
}
