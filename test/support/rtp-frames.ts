/** Ethernet frames with UDP in them, every checksum computed from scratch: what the kernel's program is measured by. */
import { parseIpv4, parseIpv6, type TransportAddress } from '../../src/wire/ip-address.ts';

export interface FrameParts {
  readonly from: TransportAddress;
  readonly to: TransportAddress;
  readonly payload: Uint8Array;
  /** 64 unless told. */
  readonly ttl?: number;
  readonly tos?: number;
  /** The field of IPv4 with its flags; 0x4000, "don't fragment", unless told. */
  readonly fragment?: number;
  readonly protocol?: number;
  /** Of IPv4, in whole words. */
  readonly options?: Uint8Array;
  /** `none`: 0, there is none. `pseudo`: the sum of the pseudo-header only, for hardware to complete. */
  readonly udpChecksum?: 'full' | 'none' | 'pseudo';
  /** What the length field of UDP says beyond the truth. */
  readonly extraUdpLength?: number;
  /** Behind the packet, as Ethernet pads short frames. */
  readonly padding?: number;
  /** Flow label of IPv6. */
  readonly flowLabel?: number;
}

export interface RtpParts {
  readonly payloadType?: number;
  readonly marker?: boolean;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly ssrc?: number;
  readonly payload?: Uint8Array;
}

export function rtpPacket(parts: RtpParts = {}): Buffer {
  const { payloadType = 0, marker = false, sequence = 1, timestamp = 160, ssrc = 0x11223344 } = parts;
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = (marker ? 0x80 : 0) | payloadType;
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, parts.payload ?? Buffer.alloc(20, 0xd5)]);
}

/** Both addresses of one family. The hardware addresses are 0: a frame for the loopback device's host. */
export function udpFrame(parts: FrameParts): Buffer {
  const isIpv4 = parseIpv4(parts.to.address) !== undefined;
  const source = addressOf(parts.from);
  const destination = addressOf(parts.to);
  const udp = udpOf(parts, source, destination);
  const ip = isIpv4 ? ipv4Header(parts, source, destination, udp) : ipv6Header(parts, source, destination, udp);
  const ethernet = Buffer.alloc(14);
  ethernet.writeUInt16BE(isIpv4 ? 0x0800 : 0x86dd, 12);
  return Buffer.concat([ethernet, ip, udp, Buffer.alloc(parts.padding ?? 0)]);
}

function udpOf(parts: FrameParts, source: Uint8Array, destination: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  const length = 8 + parts.payload.length;
  header.writeUInt16BE(parts.from.port, 0);
  header.writeUInt16BE(parts.to.port, 2);
  header.writeUInt16BE(length + (parts.extraUdpLength ?? 0), 4);
  const udp = Buffer.concat([header, parts.payload]);
  const pseudo = Buffer.concat([source, destination, Buffer.from([0, 17, length >> 8, length & 0xff])]);
  switch (parts.udpChecksum ?? 'full') {
    case 'full':
      udp.writeUInt16BE(~onesSum(Buffer.concat([pseudo, udp])) & 0xffff || 0xffff, 6);
      break;
    case 'pseudo':
      udp.writeUInt16BE(onesSum(pseudo), 6);
      break;
    case 'none':
      break;
  }
  return udp;
}

function ipv4Header(parts: FrameParts, source: Uint8Array, destination: Uint8Array, udp: Buffer): Buffer {
  const options = parts.options ?? new Uint8Array(0);
  const header = Buffer.alloc(20 + options.length);
  header[0] = 0x45 + options.length / 4;
  header[1] = parts.tos ?? 0;
  header.writeUInt16BE(header.length + udp.length, 2);
  header.writeUInt16BE(0x1234, 4);
  header.writeUInt16BE(parts.fragment ?? 0x4000, 6);
  header[8] = parts.ttl ?? 64;
  header[9] = parts.protocol ?? 17;
  header.set(source, 12);
  header.set(destination, 16);
  header.set(options, 20);
  header.writeUInt16BE(~onesSum(header) & 0xffff, 10);
  return header;
}

function ipv6Header(parts: FrameParts, source: Uint8Array, destination: Uint8Array, udp: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32BE(((6 << 28) | ((parts.tos ?? 0) << 20) | (parts.flowLabel ?? 0)) >>> 0, 0);
  header.writeUInt16BE(udp.length, 4);
  header[6] = parts.protocol ?? 17;
  header[7] = parts.ttl ?? 64;
  header.set(source, 8);
  header.set(destination, 24);
  return header;
}

function addressOf({ address }: TransportAddress): Uint8Array {
  const bytes = parseIpv4(address) ?? parseIpv6(address);
  if (bytes === undefined) {
    throw new Error(`${address} is no address`);
  }
  return bytes;
}

/** RFC 1071, a word after the other. */
function onesSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  }
  return sum;
}
