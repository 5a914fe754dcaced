/**
 * HEP3, the encapsulation by which Homer and other capture servers are told of SIP (Homer Encapsulation Protocol 3):
 * "HEP3", the total length, then chunks. Numbers are big-endian.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |           vendor, 0           |             type              |
 * |  length with these six bytes  |  value …
 */
import { addressBytes, type TransportAddress } from '../../wire/ip-address.ts';

const CHUNK = {
  family: 1,
  protocol: 2,
  sourceIpv4: 3,
  destinationIpv4: 4,
  sourceIpv6: 5,
  destinationIpv6: 6,
  sourcePort: 7,
  destinationPort: 8,
  seconds: 9,
  microseconds: 10,
  payloadType: 11,
  captureId: 12,
  password: 14,
  payload: 15,
} as const;

const HEADER_BYTES = 6;
const MAX_BYTES = 65_535;
const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 10;
/** IP protocol numbers. */
const TCP = 6;
const UDP = 17;
const PAYLOAD_SIP = 1;

export interface HepPacket {
  readonly source: TransportAddress;
  readonly destination: TransportAddress;
  readonly isStream: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Which of the operator's hosts tells: 0 to 2^32 - 1. */
  readonly captureId: number;
  readonly password?: string | undefined;
  readonly payload: Uint8Array;
}

/** Undefined: an address is none, they are of two families, or it would be longer than a datagram. */
export function formatHep3(packet: HepPacket): Uint8Array | undefined {
  const [source, destination] = [addressBytes(packet.source.address), addressBytes(packet.destination.address)];
  if (source === undefined || destination === undefined || source.length !== destination.length) {
    return undefined;
  }
  const isIpv4 = source.length === 4;
  const micros = Math.round(packet.at * 1000);
  const chunks = [
    chunk(CHUNK.family, byte(isIpv4 ? FAMILY_IPV4 : FAMILY_IPV6)),
    chunk(CHUNK.protocol, byte(packet.isStream ? TCP : UDP)),
    chunk(isIpv4 ? CHUNK.sourceIpv4 : CHUNK.sourceIpv6, source),
    chunk(isIpv4 ? CHUNK.destinationIpv4 : CHUNK.destinationIpv6, destination),
    chunk(CHUNK.sourcePort, uint16(packet.source.port)),
    chunk(CHUNK.destinationPort, uint16(packet.destination.port)),
    chunk(CHUNK.seconds, uint32(Math.floor(micros / 1e6))),
    chunk(CHUNK.microseconds, uint32(micros % 1e6)),
    chunk(CHUNK.payloadType, byte(PAYLOAD_SIP)),
    chunk(CHUNK.captureId, uint32(packet.captureId)),
    ...(packet.password === undefined ? [] : [chunk(CHUNK.password, new TextEncoder().encode(packet.password))]),
    chunk(CHUNK.payload, packet.payload),
  ];
  const length = HEADER_BYTES + chunks.reduce((sum, { length: size }) => sum + size, 0);
  if (length > MAX_BYTES) {
    return undefined;
  }
  const bytes = new Uint8Array(length);
  bytes.set(new TextEncoder().encode('HEP3'));
  bytes.set(uint16(length), 4);
  let at = HEADER_BYTES;
  for (const each of chunks) {
    bytes.set(each, at);
    at += each.length;
  }
  return bytes;
}

function chunk(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + value.length);
  bytes.set(uint16(type), 2);
  bytes.set(uint16(bytes.length), 4);
  bytes.set(value, HEADER_BYTES);
  return bytes;
}

function byte(value: number): Uint8Array {
  return Uint8Array.of(value);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of((value >>> 8) & 0xff, value & 0xff);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}
