/**
 * What all RTCP packets begin with (RFC 3550 6.4.1), and the body behind it.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|  count  |  packet type  |  length in words, minus one   |
 * |  body …                                                       |
 * ```
 */
import { err, type ParseError, type Result } from '../../wire/result.ts';

export const RTCP_HEADER_BYTES = 4;

/** One packet of a compound, cut out but not yet read. */
export interface RtcpUnit {
  readonly packetType: number;
  /** The five bits beside the padding flag: a number of reports, sources or chunks, or a subtype. 0–31 */
  readonly count: number;
  /** A view after the header, without padding. */
  readonly body: Uint8Array;
  /** Octet of the datagram at which the body begins, for errors. */
  readonly bodyOffset: number;
}

export function viewOf(body: Uint8Array): DataView {
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
}

/** A packet without padding. `body` is a multiple of four octets. */
export function formatUnit(packetType: number, count: number, body: Uint8Array): Uint8Array {
  if (count > 31 || body.length % 4 !== 0 || body.length > 0xffff * 4) {
    throw new RangeError('an RTCP packet has a count of at most 31 and a body of at most 65535 whole words');
  }
  const bytes = new Uint8Array(RTCP_HEADER_BYTES + body.length);
  const view = viewOf(bytes);
  view.setUint8(0, (2 << 6) | count);
  view.setUint8(1, packetType);
  view.setUint16(2, body.length / 4);
  bytes.set(body, RTCP_HEADER_BYTES);
  return bytes;
}

export function rtcpFailure(code: string, offset: number, paragraph: string): Result<never, ParseError> {
  return err({ code, offset, section: `RFC 3550 ${paragraph}` });
}
