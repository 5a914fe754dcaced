/**
 * APP (RFC 3550 6.7), packet type 204: the count field is a subtype.
 *
 * ```
 * |                           SSRC/CSRC                           |
 * |                       name, four octets ASCII                 |
 * |  application-dependent data, whole words …                    |
 * ```
 */
import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { RTCP_PACKET_TYPE } from './packet-type.ts';
import { formatUnit, type RtcpUnit, rtcpFailure, viewOf } from './unit.ts';

const FIXED_BYTES = 8;

export interface Application {
  readonly kind: 'application';
  /** 0–31 */
  readonly subtype: number;
  readonly ssrc: number;
  /** Exactly four characters; each stands for one octet. */
  readonly name: string;
  readonly data: Uint8Array;
}

export function parseApplication({ body, count, bodyOffset }: RtcpUnit): Result<Application, ParseError> {
  if (body.length < FIXED_BYTES) {
    return rtcpFailure('truncated-application', bodyOffset + body.length, '6.7');
  }
  return ok({
    kind: 'application',
    subtype: count,
    ssrc: viewOf(body).getUint32(0),
    name: String.fromCharCode(...body.subarray(4, FIXED_BYTES)),
    data: body.subarray(FIXED_BYTES),
  });
}

export function formatApplication({ subtype, ssrc, name, data }: Application): Uint8Array {
  if (name.length !== 4) {
    throw new RangeError('the name of an APP packet has four characters');
  }
  const body = new Uint8Array(FIXED_BYTES + data.length);
  viewOf(body).setUint32(0, ssrc);
  for (let index = 0; index < 4; index++) {
    body[4 + index] = name.charCodeAt(index);
  }
  body.set(data, FIXED_BYTES);
  return formatUnit(RTCP_PACKET_TYPE.application, subtype, body);
}
