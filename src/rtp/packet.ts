/**
 * The RTP packet (RFC 3550 5.1, 5.3.1).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * |                           timestamp                           |
 * |           synchronization source (SSRC) identifier            |
 * |            contributing source (CSRC) identifiers, CC of them |
 * |  extension if X: profile (16) | length in 32-bit words (16)   |
 * |  extension words …                                            |
 * |  payload …        if P: padding, its last octet the count     |
 * ```
 */
import { err, ok, type ParseError, type Result } from '../wire/result.ts';

export const RTP_VERSION = 2;

/** Octets before the CSRC list. */
export const RTP_HEADER_BYTES = 12;

export interface RtpPacket {
  readonly marker: boolean;
  /** 0–127 */
  readonly payloadType: number;
  /** 0–65535, wraps */
  readonly sequenceNumber: number;
  /** 32 bits in units of the payload's clock rate, wraps */
  readonly timestamp: number;
  readonly ssrc: number;
  /** At most 15. */
  readonly csrcs: readonly number[];
  readonly extension: RtpExtension | undefined;
  /** A view into the datagram, without padding. */
  readonly payload: Uint8Array;
  /** Octets of padding after the payload, its count octet included; 0: none. */
  readonly paddingBytes: number;
}

export interface RtpExtension {
  /** "Defined by profile": 0xBEDE and 0x100x are RFC 8285's. */
  readonly profile: number;
  /** A multiple of four octets. */
  readonly data: Uint8Array;
}

/** Never throws. `bytes` is one whole datagram. */
export function parsePacket(bytes: Uint8Array): Result<RtpPacket, ParseError> {
  if (bytes.length < RTP_HEADER_BYTES) {
    return failure('truncated', bytes.length, '5.1');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  const second = view.getUint8(1);
  if (first >> 6 !== RTP_VERSION) {
    return failure('bad-version', 0, '5.1');
  }
  const csrcCount = first & 0x0f;
  let offset = RTP_HEADER_BYTES + csrcCount * 4;
  if (offset > bytes.length) {
    return failure('truncated-csrc', RTP_HEADER_BYTES, '5.1');
  }
  const csrcs = Array.from({ length: csrcCount }, (_, index) => view.getUint32(RTP_HEADER_BYTES + index * 4));
  let extension: RtpExtension | undefined;
  if ((first & 0x10) !== 0) {
    const end = offset + 4 <= bytes.length ? offset + 4 + view.getUint16(offset + 2) * 4 : Number.POSITIVE_INFINITY;
    if (end > bytes.length) {
      return failure('truncated-extension', offset, '5.3.1');
    }
    extension = { profile: view.getUint16(offset), data: bytes.subarray(offset + 4, end) };
    offset = end;
  }
  const paddingBytes = (first & 0x20) === 0 ? 0 : view.getUint8(bytes.length - 1);
  if ((first & 0x20) !== 0 && (paddingBytes === 0 || offset + paddingBytes > bytes.length)) {
    return failure('bad-padding', bytes.length - 1, '5.1');
  }
  return ok({
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequenceNumber: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    csrcs,
    extension,
    payload: bytes.subarray(offset, bytes.length - paddingBytes),
    paddingBytes,
  });
}

/** @throws RangeError for a packet that has no form on the wire; callers make packets, peers do not. */
export function formatPacket(packet: RtpPacket): Uint8Array {
  const { csrcs, extension, payload, paddingBytes } = packet;
  if (csrcs.length > 15 || paddingBytes > 255 || (extension !== undefined && extension.data.length % 4 !== 0)) {
    throw new RangeError('an RTP packet has at most 15 CSRCs, 255 octets of padding and whole words of extension');
  }
  const extensionBytes = extension === undefined ? 0 : 4 + extension.data.length;
  const payloadAt = RTP_HEADER_BYTES + csrcs.length * 4 + extensionBytes;
  const bytes = new Uint8Array(payloadAt + payload.length + paddingBytes);
  const view = new DataView(bytes.buffer);
  const padding = paddingBytes > 0 ? 0x20 : 0;
  view.setUint8(0, (RTP_VERSION << 6) | padding | (extension === undefined ? 0 : 0x10) | csrcs.length);
  view.setUint8(1, (packet.marker ? 0x80 : 0) | (packet.payloadType & 0x7f));
  view.setUint16(2, packet.sequenceNumber);
  view.setUint32(4, packet.timestamp);
  view.setUint32(8, packet.ssrc);
  for (const [index, csrc] of csrcs.entries()) {
    view.setUint32(RTP_HEADER_BYTES + index * 4, csrc);
  }
  if (extension !== undefined) {
    const at = RTP_HEADER_BYTES + csrcs.length * 4;
    view.setUint16(at, extension.profile);
    view.setUint16(at + 2, extension.data.length / 4);
    bytes.set(extension.data, at + 4);
  }
  bytes.set(payload, payloadAt);
  if (paddingBytes > 0) {
    view.setUint8(bytes.length - 1, paddingBytes);
  }
  return bytes;
}

function failure(code: string, offset: number, paragraph: string): Result<never, ParseError> {
  return err({ code, offset, section: `RFC 3550 ${paragraph}` });
}
