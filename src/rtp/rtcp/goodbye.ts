/**
 * BYE (RFC 3550 6.6), packet type 203: `count` sources that leave, and perhaps why.
 *
 * ```
 * |                    SSRC/CSRC, `count` of them                 |
 * |     length    |  reason for leaving, zeros to the word …      |
 * ```
 */
import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { RTCP_PACKET_TYPE } from './packet-type.ts';
import { formatUnit, type RtcpUnit, rtcpFailure, viewOf } from './unit.ts';

export interface Goodbye {
  readonly kind: 'goodbye';
  readonly ssrcs: readonly number[];
  /** At most 255 octets, which should be UTF-8. */
  readonly reason: Uint8Array | undefined;
}

export function parseGoodbye({ body, count, bodyOffset }: RtcpUnit): Result<Goodbye, ParseError> {
  const end = count * 4;
  if (body.length < end) {
    return rtcpFailure('truncated-goodbye', bodyOffset + body.length, '6.6');
  }
  const view = viewOf(body);
  const ssrcs = Array.from({ length: count }, (_, index) => view.getUint32(index * 4));
  if (body.length === end) {
    return ok({ kind: 'goodbye', ssrcs, reason: undefined });
  }
  const reasonEnd = end + 1 + view.getUint8(end);
  if (reasonEnd > body.length) {
    return rtcpFailure('truncated-goodbye-reason', bodyOffset + end, '6.6');
  }
  return ok({ kind: 'goodbye', ssrcs, reason: body.subarray(end + 1, reasonEnd) });
}

export function formatGoodbye({ ssrcs, reason }: Goodbye): Uint8Array {
  if (reason !== undefined && reason.length > 255) {
    throw new RangeError('the reason of a BYE has at most 255 octets');
  }
  const end = ssrcs.length * 4;
  const body = new Uint8Array(end + (reason === undefined ? 0 : (reason.length | 3) + 1));
  const view = viewOf(body);
  for (const [index, ssrc] of ssrcs.entries()) {
    view.setUint32(index * 4, ssrc);
  }
  if (reason !== undefined) {
    view.setUint8(end, reason.length);
    body.set(reason, end + 1);
  }
  return formatUnit(RTCP_PACKET_TYPE.goodbye, ssrcs.length, body);
}
