/**
 * Flows as the bytes that program and maps hold. Addresses, ports and SSRC stay in network order, so that the program
 * compares and writes them as they are; numbers are those of a little-endian machine. An IPv4 address takes the first
 * four bytes of its sixteen, the others are 0.
 *
 * ```
 *  key    0 remote:16 │ 16 local:16 │ 32 remote port:2 │ 34 local port:2 │ 36 family:4 (4 or 6)
 *
 *  flow   0 source:16 │ 16 destination:16 │ 32 source port:2 │ 34 destination port:2 │ 36 ssrc:4
 *        40 payload types:16, a bit each │ 56 slot:4 │ 60 interface:4 │ 64 mtu:4 │ 68 clock rate:4
 *        72 mark:4 │ 76 tos:4 │ 80 keep order:4 │ 84 family of the next hop:4 (0: by the routes) │ 88 next hop:16
 * ```
 */
import { AF_INET, AF_INET6 } from '../../linux/socket-address.ts';
import { parseIpv4, parseIpv6, type TransportAddress } from '../../wire/ip-address.ts';
import type { Flow, FlowKey } from './flow.ts';

export const KEY = { remote: 0, local: 16, remotePort: 32, localPort: 34, family: 36 } as const;
export const KEY_BYTES = 40;

export const FLOW = {
  source: 0,
  destination: 16,
  sourcePort: 32,
  destinationPort: 34,
  ssrc: 36,
  payloadTypes: 40,
  slot: 56,
  outIfindex: 60,
  mtu: 64,
  clockRateHz: 68,
  mark: 72,
  tos: 76,
  keepOrder: 80,
  /** struct bpf_redir_neigh: family and address. */
  neighbour: 84,
} as const;
export const FLOW_BYTES = 104;
export const NEIGHBOUR_BYTES = 20;

/** RTCP on the RTP port (RFC 5761 4): never of the kernel. */
const MUXED_RTCP_MIN = 64;
const MUXED_RTCP_MAX = 95;
const MAX_CLOCK_RATE_HZ = 1_000_000;

/** Undefined: an address is none, or not of the family. */
export function encodeKey(key: FlowKey): Buffer | undefined {
  const bytes = Buffer.alloc(KEY_BYTES);
  const done =
    key.family === familyIn(bytes, KEY.remote, key.remote.address) &&
    key.family === familyIn(bytes, KEY.local, key.local.address) &&
    [key.remote, key.local].every(hasPort);
  if (!done) {
    return undefined;
  }
  bytes.writeUInt16BE(key.remote.port, KEY.remotePort);
  bytes.writeUInt16BE(key.local.port, KEY.localPort);
  bytes.writeUInt32LE(key.family, KEY.family);
  return bytes;
}

/** A text instead says what the program could not do with it. */
export function encodeFlow(key: FlowKey, flow: Flow, slot: number): Buffer | string {
  const bytes = Buffer.alloc(FLOW_BYTES);
  const { source, destination, nextHop } = flow;
  for (const [at, end] of [
    [FLOW.source, source],
    [FLOW.destination, destination],
  ] as const) {
    if (familyIn(bytes, at, end.address) !== key.family || !hasPort(end)) {
      return `${end.address}:${end.port} is no IPv${key.family} address and port`;
    }
  }
  const wrong = outOfRange(flow);
  if (wrong !== undefined) {
    return `${wrong} is out of range`;
  }
  bytes.writeUInt16BE(source.port, FLOW.sourcePort);
  bytes.writeUInt16BE(destination.port, FLOW.destinationPort);
  bytes.writeUInt32BE(flow.ssrc, FLOW.ssrc);
  for (const type of flow.payloadTypes) {
    const at = FLOW.payloadTypes + (type >> 3);
    bytes[at] = (bytes[at] ?? 0) | (1 << (type & 7));
  }
  bytes.writeUInt32LE(slot, FLOW.slot);
  bytes.writeUInt32LE(flow.outIfindex, FLOW.outIfindex);
  bytes.writeUInt32LE(flow.mtu, FLOW.mtu);
  bytes.writeUInt32LE(flow.clockRateHz, FLOW.clockRateHz);
  bytes.writeUInt32LE(flow.mark, FLOW.mark);
  bytes.writeUInt32LE(flow.tos, FLOW.tos);
  bytes.writeUInt32LE(flow.keepOrder ? 1 : 0, FLOW.keepOrder);
  if (nextHop !== undefined) {
    if (familyIn(bytes, FLOW.neighbour + 4, nextHop) !== key.family) {
      return `the next hop ${nextHop} is no IPv${key.family} address`;
    }
    bytes.writeUInt32LE(key.family === 4 ? AF_INET : AF_INET6, FLOW.neighbour);
  }
  return bytes;
}

/** Writes the address and says of which family it is; 0: it is none. */
function familyIn(bytes: Buffer, at: number, text: string): 0 | 4 | 6 {
  const ipv4 = parseIpv4(text);
  const address = ipv4 ?? parseIpv6(text);
  if (address === undefined) {
    return 0;
  }
  bytes.set(address, at);
  return ipv4 === undefined ? 6 : 4;
}

function hasPort({ port }: TransportAddress): boolean {
  return isWithin(port, 1, 0xffff);
}

/** The name of the first field that is. */
function outOfRange(flow: Flow): string | undefined {
  const fields = {
    outIfindex: isWithin(flow.outIfindex, 1, 0x7fffffff),
    ssrc: isWithin(flow.ssrc, 0, 0xffffffff),
    payloadTypes: flow.payloadTypes.every(
      (type) => isWithin(type, 0, 127) && !isWithin(type, MUXED_RTCP_MIN, MUXED_RTCP_MAX),
    ),
    clockRateHz: isWithin(flow.clockRateHz, 1, MAX_CLOCK_RATE_HZ),
    tos: isWithin(flow.tos, 0, 255),
    mtu: isWithin(flow.mtu, 1, 0xffff),
    mark: isWithin(flow.mark, 0, 0xffffffff),
  } as const satisfies Partial<Record<keyof Flow, boolean>>;
  return Object.entries(fields).find(([, good]) => !good)?.[0];
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
