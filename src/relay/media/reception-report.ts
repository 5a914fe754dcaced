/** What a party reports of the other one's RTP, read in place from the first packet of its RTCP. */
import type { LegCounters } from './counters.ts';

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;

/** Bytes before the report blocks (RFC 3550 6.4.1, 6.4.2), and of a block. */
const HEADER_BYTES = { [SENDER_REPORT]: 28, [RECEIVER_REPORT]: 8 } as const;
const BLOCK_BYTES = 24;

/**
 * Only a block that names the SSRC that is heard of the other party is believed: with SRTCP what follows the first eight
 * bytes is noise.
 *
 * ```
 * |                    SSRC of the other party                    |   RFC 3550 6.4.1
 * | fraction lost |       cumulative number of packets lost       |
 * |           extended highest sequence number received           |
 * |                      interarrival jitter                      |
 * ```
 */
export function noteReceptionReport(counters: LegCounters, packet: Uint8Array, ssrc: number | undefined): void {
  const type = packet[1];
  if (ssrc === undefined || (type !== SENDER_REPORT && type !== RECEIVER_REPORT)) {
    return;
  }
  const blocks = (packet[0] ?? 0) & 0x1f;
  for (let index = 0; index < blocks; index += 1) {
    const at = HEADER_BYTES[type] + index * BLOCK_BYTES;
    if (at + BLOCK_BYTES > packet.length) {
      return;
    }
    if (uint32(packet, at) === ssrc) {
      counters.noteReport(packet[at + 4] ?? 0, uint32(packet, at + 12));
      return;
    }
  }
}

function uint32(packet: Uint8Array, at: number): number {
  const low = ((packet[at + 1] ?? 0) << 16) | ((packet[at + 2] ?? 0) << 8) | (packet[at + 3] ?? 0);
  return (packet[at] ?? 0) * 0x1000000 + low;
}
