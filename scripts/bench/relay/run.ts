/** What one run has found, and the figures made of it. */
import type { Measured } from './orders.ts';

export interface Run extends Measured {
  readonly calls: number;
  /** Of the relay's processes: with no session, once it had a few; and with all calls talking. */
  readonly residentIdleBytes: number;
  readonly residentLoadedBytes: number;
}

/** Of all packets sent, those that did not arrive, or too late for a phone. */
export function lossShare({ rtp, rtcp, tooLate }: Measured): number {
  const sent = rtp.sent + rtcp.sent;
  return sent === 0 ? 0 : (sent - rtp.received - rtcp.received + tooLate) / sent;
}

/** Microseconds of CPU that the relay's threads took for a packet that it forwarded. */
export function cpuUsPerPacket({ tasks, receivedInTime }: Measured): number {
  return (tasks.reduce((sum, { cpuMs }) => sum + cpuMs, 0) * 1000) / Math.max(1, receivedInTime);
}

/** Of the packets that so many calls send, those that the generator managed to send. */
export function offeredShare({ calls, seconds, rtp }: Run): number {
  return rtp.sent / (calls * 2 * PACKETS_PER_SECOND * seconds);
}

/** Of G.711 in packets of 20 ms, one way. */
const PACKETS_PER_SECOND = 50;
