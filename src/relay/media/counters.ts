import { RtpAnalysis } from './analysis.ts';

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
  /** When the last packet of a prompt was sent to this party; monotonic ms. -Infinity: never. */
  lastPlayedAt = Number.NEGATIVE_INFINITY;
  readonly analysis = new RtpAnalysis();
}
