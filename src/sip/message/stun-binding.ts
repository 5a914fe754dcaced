/**
 * The one STUN exchange of a SIP port: a phone's keep-alive over UDP (RFC 5626 3.5.2, 8), whose answer tells the address
 * that its NAT gives it.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    |0 0|      message type         |        message length         |   RFC 5389 6
 *    |                     magic cookie 0x2112A442                   |
 *    |                    transaction id (96 bits)                   |
 *    |        attribute type         |        attribute length       |   RFC 5389 15, each padded to four bytes
 */
import { addressBytes, type TransportAddress } from '../../wire/ip-address.ts';

const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112_a442;
const BINDING_REQUEST = 0x0001;
const BINDING_RESPONSE = 0x0101;
const XOR_MAPPED_ADDRESS = 0x0020;
/** An attribute below it has to be understood by who answers (RFC 5389 15). */
const FIRST_OPTIONAL_ATTRIBUTE = 0x8000;

/** Whether this may be STUN: no SIP message begins with a byte below 4. */
export function isStun(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && (bytes[0] ?? 0xff) < 4;
}

/**
 * The answer to a Binding request from that address. Undefined: it is none, or it wants more than a keep-alive does,
 * and gets no answer.
 */
export function answerStunBinding(bytes: Uint8Array, from: TransportAddress): Uint8Array | undefined {
  const address = addressBytes(from.address);
  if (!isPlainBindingRequest(bytes) || address === undefined) {
    return undefined;
  }
  const answer = Buffer.alloc(HEADER_BYTES + 8 + address.length);
  answer.writeUInt16BE(BINDING_RESPONSE, 0);
  answer.writeUInt16BE(8 + address.length, 2);
  // The cookie and the transaction id: what the address is XORed with, too (RFC 5389 15.2).
  answer.set(bytes.subarray(4, HEADER_BYTES), 4);
  answer.writeUInt16BE(XOR_MAPPED_ADDRESS, 20);
  answer.writeUInt16BE(4 + address.length, 22);
  answer.writeUInt16BE(address.length === 4 ? 1 : 2, 24);
  answer.writeUInt16BE(from.port ^ (MAGIC_COOKIE >>> 16), 26);
  for (const [index, byte] of address.entries()) {
    answer[28 + index] = byte ^ (bytes[4 + index] ?? 0);
  }
  return answer;
}

function isPlainBindingRequest(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (
    bytes.length < HEADER_BYTES ||
    view.getUint16(0) !== BINDING_REQUEST ||
    view.getUint16(2) !== bytes.length - HEADER_BYTES ||
    view.getUint32(4) !== MAGIC_COOKIE
  ) {
    return false;
  }
  let at = HEADER_BYTES;
  while (at + 4 <= bytes.length && view.getUint16(at) >= FIRST_OPTIONAL_ATTRIBUTE) {
    at += 4 + Math.ceil(view.getUint16(at + 2) / 4) * 4;
  }
  return at === bytes.length;
}
