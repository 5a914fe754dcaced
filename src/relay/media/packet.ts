/**
 * The few fields of RTP and RTCP that forwarding looks at, read in place: no object per packet.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |   RFC 3550 5.1
 * |                           timestamp                           |
 * |                              SSRC                             |
 */
const RTP_HEADER_BYTES = 12;

/** RTCP packet types 192–223 on an RTP port (RFC 5761 4) are RTCP, whose PT field reads 64–95 here. */
const MUXED_RTCP_MIN = 64;
const MUXED_RTCP_MAX = 95;

const MIN_RTCP_BYTES = 8;
/** SR, RR, SDES, BYE, APP (RFC 3550 12.1), RTPFB, PSFB (RFC 4585), XR (RFC 3611). */
const RTCP_TYPE_MIN = 200;
const RTCP_TYPE_MAX = 207;

/** Version 2, room for the CSRC list and a header extension, at least one byte of payload, and not RTCP. */
export function isPlausibleRtp(packet: Uint8Array): boolean {
  const first = packet[0] ?? 0;
  if (packet.length <= RTP_HEADER_BYTES || first >> 6 !== 2) {
    return false;
  }
  const type = payloadTypeOf(packet);
  if (type >= MUXED_RTCP_MIN && type <= MUXED_RTCP_MAX) {
    return false;
  }
  let header = RTP_HEADER_BYTES + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (packet.length < header + 4) {
      return false;
    }
    header += 4 + 4 * uint16(packet, header + 2);
  }
  return packet.length > header;
}

/** Whether the fixed RTP header is there at all; enough to count by. */
export function hasRtpHeader(packet: Uint8Array): boolean {
  return packet.length >= RTP_HEADER_BYTES && (packet[0] ?? 0) >> 6 === 2;
}

/** The first packet of a compound is looked at: with SRTCP the others are encrypted. */
export function isPlausibleRtcp(packet: Uint8Array): boolean {
  const type = packet[1] ?? 0;
  return (
    packet.length >= MIN_RTCP_BYTES &&
    (packet[0] ?? 0) >> 6 === 2 &&
    type >= RTCP_TYPE_MIN &&
    type <= RTCP_TYPE_MAX &&
    4 + 4 * uint16(packet, 2) <= packet.length
  );
}

/** Hz of the RTP clock by RFC 3551 tables 4 and 5; 0: dynamic or not assigned, only SDP knows. */
export function staticClockRateOf(payloadType: number): number {
  return STATIC_CLOCK_RATES[payloadType] ?? 0;
}

const STATIC_CLOCK_RATES: readonly number[] = [
  // 0 PCMU … 9 G.722, whose clock is that of 8 kHz by an old mistake
  8_000, 0, 0, 8_000, 8_000, 8_000, 16_000, 8_000, 8_000, 8_000,
  // 10 L16 … 18 G.729
  44_100, 44_100, 8_000, 8_000, 90_000, 8_000, 11_025, 22_050, 8_000, 0,
  // 25 CelB … 34 H.263
  0, 0, 0, 0, 0, 90_000, 90_000, 0, 90_000, 0, 0, 90_000, 90_000, 90_000, 90_000,
];

export function payloadTypeOf(packet: Uint8Array): number {
  return (packet[1] ?? 0) & 0x7f;
}

export function markerOf(packet: Uint8Array): boolean {
  return ((packet[1] ?? 0) & 0x80) !== 0;
}

export function sequenceNumberOf(packet: Uint8Array): number {
  return uint16(packet, 2);
}

/** 32 bits, unsigned. */
export function timestampOf(packet: Uint8Array): number {
  return ((uint16(packet, 4) << 16) | uint16(packet, 6)) >>> 0;
}

/** 32 bits, unsigned. */
export function ssrcOf(packet: Uint8Array): number {
  return ((uint16(packet, 8) << 16) | uint16(packet, 10)) >>> 0;
}

/** Of whoever sent the first packet of a compound; all types have it in the same place (RFC 3550 6.4). */
export function rtcpSsrcOf(packet: Uint8Array): number {
  return timestampOf(packet);
}

/** How far `to` is ahead of `from`, -32768…32767: sequence numbers wrap at 16 bits. */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

function uint16(packet: Uint8Array, offset: number): number {
  return ((packet[offset] ?? 0) << 8) | (packet[offset + 1] ?? 0);
}
