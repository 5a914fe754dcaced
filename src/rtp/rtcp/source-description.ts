/**
 * SDES (RFC 3550 6.5), packet type 202: `count` chunks of an SSRC and items, each chunk ended by a zero octet and
 * filled with zeros to a whole word.
 *
 * ```
 * |                          SSRC/CSRC                            |
 * |  item type    |    length     | text, UTF-8, not terminated … |
 * |  … more items |       0       |  zeros to the word            |
 * ```
 */
import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { RTCP_PACKET_TYPE } from './packet-type.ts';
import { formatUnit, type RtcpUnit, rtcpFailure, viewOf } from './unit.ts';

/** Item types (RFC 3550 6.5.1–6.5.8). */
export const SDES_ITEM = { cname: 1, name: 2, email: 3, phone: 4, loc: 5, tool: 6, note: 7, priv: 8 } as const;

export interface SdesItem {
  /** 1–255, of which `SDES_ITEM` names those of the RFC. */
  readonly type: number;
  /** At most 255 octets, which should be UTF-8. */
  readonly value: Uint8Array;
}

export interface SdesChunk {
  readonly ssrc: number;
  readonly items: readonly SdesItem[];
}

export interface SourceDescription {
  readonly kind: 'source-description';
  readonly chunks: readonly SdesChunk[];
}

export function parseSourceDescription({ body, count, bodyOffset }: RtcpUnit): Result<SourceDescription, ParseError> {
  const view = viewOf(body);
  const chunks: SdesChunk[] = [];
  let offset = 0;
  for (let index = 0; index < count; index++) {
    if (offset + 4 > body.length) {
      return rtcpFailure('truncated-sdes-chunk', bodyOffset + offset, '6.5');
    }
    const ssrc = view.getUint32(offset);
    const items: SdesItem[] = [];
    offset += 4;
    while (offset < body.length && view.getUint8(offset) !== 0) {
      const start = offset + 2;
      const end = start <= body.length ? start + view.getUint8(offset + 1) : Number.POSITIVE_INFINITY;
      if (end > body.length) {
        return rtcpFailure('truncated-sdes-item', bodyOffset + offset, '6.5');
      }
      items.push({ type: view.getUint8(offset), value: body.subarray(start, end) });
      offset = end;
    }
    if (offset >= body.length) {
      return rtcpFailure('unterminated-sdes-chunk', bodyOffset + offset, '6.5');
    }
    // One to four zeros end a chunk: the terminator, then up to the next word.
    offset = (offset | 3) + 1;
    chunks.push({ ssrc, items });
  }
  return ok({ kind: 'source-description', chunks });
}

export function formatSourceDescription({ chunks }: SourceDescription): Uint8Array {
  const sizes = chunks.map(({ items }) => (items.reduce((sum, item) => sum + 2 + item.value.length, 4) | 3) + 1);
  const body = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = viewOf(body);
  let start = 0;
  for (const [index, { ssrc, items }] of chunks.entries()) {
    view.setUint32(start, ssrc);
    let offset = start + 4;
    for (const { type, value } of items) {
      if (type < 1 || type > 255 || value.length > 255) {
        throw new RangeError('an SDES item has a type of 1–255 and a text of at most 255 octets');
      }
      body[offset] = type;
      body[offset + 1] = value.length;
      body.set(value, offset + 2);
      offset += 2 + value.length;
    }
    start += sizes[index] ?? 0;
  }
  return formatUnit(RTCP_PACKET_TYPE.sourceDescription, chunks.length, body);
}
