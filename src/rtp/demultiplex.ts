/** What a datagram on a media port is, from its first two octets (RFC 5761 4, RFC 7983 7). */
export type MediaKind = 'rtp' | 'rtcp' | 'other';

/** Octets of the shortest RTCP packet: an empty RR, or a BYE of one source. */
export const MIN_RTCP_BYTES = 8;

const MIN_RTP_BYTES = 12;

/** RTCP packet types 192–223 are where RTP has the marker bit and payload types 64–95, which nobody may use. */
export function mediaKindOf(bytes: Uint8Array): MediaKind {
  const [first = 0, second = 0] = bytes;
  if (first >> 6 !== 2) {
    return 'other';
  }
  if (second >= 192 && second <= 223) {
    return bytes.length >= MIN_RTCP_BYTES ? 'rtcp' : 'other';
  }
  return bytes.length >= MIN_RTP_BYTES ? 'rtp' : 'other';
}
