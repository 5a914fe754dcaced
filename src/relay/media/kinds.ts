/** What refused packets were, and why the system refused to send: kinds that are counted apart. */

/** By length and first byte (RFC 7983 7); `version`: as long as RTP, but of no version 2. */
export const PACKET_KINDS = ['rtp', 'rtcp', 'stun', 'dtls', 'short', 'huge', 'version'] as const;

export type PacketKind = (typeof PACKET_KINDS)[number];

/** Errors that are told apart; all others are one kind. */
export const ERROR_KINDS = [
  'other',
  'EAGAIN',
  'ENOBUFS',
  'EPERM',
  'EACCES',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EMSGSIZE',
  'EINVAL',
  'EAFNOSUPPORT',
  'EADDRNOTAVAIL',
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

/** No RTP header is shorter. */
const SHORT_BYTES = 12;

/** What an Ethernet carries in one piece. */
const HUGE_BYTES = 1500;

export function packetKind(packet: Uint8Array): PacketKind {
  const [first = 0, second = 0] = packet;
  if (packet.length < SHORT_BYTES) {
    return 'short';
  }
  if (packet.length > HUGE_BYTES) {
    return 'huge';
  }
  if (first >> 6 === 2) {
    return second >= 192 && second <= 223 ? 'rtcp' : 'rtp';
  }
  if (first <= 3) {
    return 'stun';
  }
  return first >= 20 && first <= 63 ? 'dtls' : 'version';
}

export function errorKind(code: string | undefined): ErrorKind {
  return ERROR_KINDS.find((kind) => kind === code) ?? 'other';
}
