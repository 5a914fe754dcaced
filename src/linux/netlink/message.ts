/**
 * Messages of netlink(7): a header, a body that its type lays out, and attributes. All numbers are those of a
 * little-endian machine; addresses are in network order.
 *
 * ```
 *  length:4  type:2  flags:2  sequence:4  port:4      length: of the whole message; each one begins at a multiple of 4
 *  attribute: length:2  type:2  payload, padded to a multiple of 4
 * ```
 */
import { constants } from 'node:os';

export const HEADER_BYTES = 16;
const ATTRIBUTE_BYTES = 4;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

/** Bit 15: has attributes inside; bit 14: in network order. */
const TYPE_MASK = 0x3fff;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** After the header. */
  readonly body: Buffer;
}

export type Attributes = ReadonlyMap<number, Buffer>;

export function formatMessage(type: number, flags: number, sequence: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, body]);
}

export function formatAttribute(type: number, payload: Uint8Array): Buffer {
  const length = ATTRIBUTE_BYTES + payload.length;
  const attribute = Buffer.alloc((length + 3) & ~3);
  attribute.writeUInt16LE(length, 0);
  attribute.writeUInt16LE(type, 2);
  attribute.set(payload, ATTRIBUTE_BYTES);
  return attribute;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Of one datagram; stops at what does not fit. */
export function parseMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= datagram.length) {
    const length = datagram.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > datagram.length) {
      break;
    }
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      body: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** The last one of a type counts; stops at what does not fit. */
export function parseAttributes(bytes: Buffer): Attributes {
  const attributes = new Map<number, Buffer>();
  let at = 0;
  while (at + ATTRIBUTE_BYTES <= bytes.length) {
    const length = bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_BYTES || at + length > bytes.length) {
      break;
    }
    attributes.set(bytes.readUInt16LE(at + 2) & TYPE_MASK, bytes.subarray(at + ATTRIBUTE_BYTES, at + length));
    at += (length + 3) & ~3;
  }
  return attributes;
}

/** Undefined: not there, or too short. */
export function uint32Of(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload !== undefined && payload.length >= 4 ? payload.readUInt32LE(0) : undefined;
}

/** Text that ends with NUL. */
export function textOf(attributes: Attributes, type: number): string | undefined {
  return attributes.get(type)?.toString('utf8').replace(/\0.*$/s, '');
}

/** The error of an NLMSG_ERROR as a positive number of errno(3); 0: it is an acknowledgement. */
export function errorOf({ body }: NetlinkMessage): number {
  return body.length >= 4 ? -body.readInt32LE(0) : constants.errno.EBADMSG;
}
