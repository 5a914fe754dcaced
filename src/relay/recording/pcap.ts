/**
 * Classic pcap with Ethernet frames that never were: media is recorded above UDP, and the headers below are made up
 * from the addresses, as rtpproxy does it.
 *
 *     file:   magic a1b2c3d4 · version 2.4 · zone 0 · accuracy 0 · snap length 65535 · link type 1 (Ethernet)
 *     packet: seconds · microseconds · length · length · Ethernet 14 · IPv4 20 or IPv6 40 · UDP 8 · payload
 */
import { HOST_IS_LITTLE_ENDIAN } from './host-order.ts';
import { addressBytes, type RecordedPacket } from './recorded-packet.ts';

const MAGIC = 0xa1b2c3d4;
const SNAP_LENGTH = 65_535;
const ETHERNET = 1;

const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const UDP_BYTES = 8;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const PROTOCOL_UDP = 17;
/** One hop less than 128: the packet has arrived here. */
const TTL = 127;

export function formatPcapHeader(): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(4, 2, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(6, 4, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(16, SNAP_LENGTH, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(20, ETHERNET, HOST_IS_LITTLE_ENDIAN);
  return bytes;
}

export function formatPcapPacket({ source, destination, at, payload }: RecordedPacket): Uint8Array {
  const from = addressBytes(source.address);
  // A wildcard leg of the other family: the header has room for one family only.
  const to = sized(addressBytes(destination.address), from.length);
  const ipBytes = from.length === 4 ? IPV4_BYTES : IPV6_BYTES;
  const length = ETHERNET_BYTES + ipBytes + UDP_BYTES + payload.length;
  const bytes = new Uint8Array(PACKET_HEADER_BYTES + length);
  const header = new DataView(bytes.buffer, 0, PACKET_HEADER_BYTES);
  header.setUint32(0, Math.floor(at / 1000), HOST_IS_LITTLE_ENDIAN);
  header.setUint32(4, Math.floor((at % 1000) * 1000), HOST_IS_LITTLE_ENDIAN);
  header.setUint32(8, length, HOST_IS_LITTLE_ENDIAN);
  header.setUint32(12, length, HOST_IS_LITTLE_ENDIAN);

  const frame = bytes.subarray(PACKET_HEADER_BYTES);
  const view = new DataView(bytes.buffer, PACKET_HEADER_BYTES);
  frame.set(hardwareAddress(to), 0);
  frame.set(hardwareAddress(from), 6);
  view.setUint16(12, from.length === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);

  const udpLength = UDP_BYTES + payload.length;
  const ip = frame.subarray(ETHERNET_BYTES, ETHERNET_BYTES + ipBytes);
  const ipView = new DataView(ip.buffer, ip.byteOffset, ipBytes);
  if (from.length === 4) {
    ip[0] = 0x45;
    ipView.setUint16(2, ipBytes + udpLength);
    ip[8] = TTL;
    ip[9] = PROTOCOL_UDP;
    ip.set(from, 12);
    ip.set(to, 16);
    ipView.setUint16(10, checksum([ip]));
  } else {
    ip[0] = 0x60;
    ipView.setUint16(4, udpLength);
    ip[6] = PROTOCOL_UDP;
    ip[7] = TTL;
    ip.set(from, 8);
    ip.set(to, 24);
  }

  const udp = frame.subarray(ETHERNET_BYTES + ipBytes);
  const udpView = new DataView(udp.buffer, udp.byteOffset, UDP_BYTES);
  udpView.setUint16(0, source.port);
  udpView.setUint16(2, destination.port);
  udpView.setUint16(4, udpLength);
  udp.set(payload, UDP_BYTES);
  const pseudo = new Uint8Array([0, PROTOCOL_UDP, udpLength >> 8, udpLength & 0xff]);
  // 0 means "no checksum" (RFC 768): the sum that is 0 is sent as its complement.
  udpView.setUint16(6, checksum([from, to, pseudo, udp]) || 0xffff);
  return bytes;
}

/** IPv4: two zero bytes and the address; IPv6: its bytes folded into six. */
function hardwareAddress(address: Uint8Array): Uint8Array {
  const hardware = new Uint8Array(6);
  if (address.length === 4) {
    hardware.set(address, 2);
    return hardware;
  }
  address.forEach((byte, index) => {
    const at = index % 6;
    hardware[at] = (hardware[at] ?? 0) ^ byte;
  });
  return hardware;
}

function sized(address: Uint8Array, length: number): Uint8Array {
  return address.length === length ? address : new Uint8Array(length);
}

/** The Internet checksum (RFC 1071) over pieces of which only the last may have an odd length. */
function checksum(pieces: readonly Uint8Array[]): number {
  let sum = 0;
  for (const piece of pieces) {
    for (let index = 0; index < piece.length; index += 2) {
      sum += ((piece[index] ?? 0) << 8) | (piece[index + 1] ?? 0);
    }
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  }
  return ~sum & 0xffff;
}
