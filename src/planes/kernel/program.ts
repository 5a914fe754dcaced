/**
 * The program at the tc hook of each interface on which media arrives: what belongs to a flow and is plain RTP leaves
 * for the other party; everything else goes on to the sockets as if the program were not there.
 *
 * ```
 *  a packet ─► for us, in one piece, UDP, no options ─► in the table? ─► alive, RTP, type, SSRC, length, order?
 *                 │ no                                     │ no             │ no: counted, to the socket
 *                 ▼                                        ▼                ▼
 *              the stack                                the stack        the stack
 *  all yes ─► addresses, ports, TOS, TTL, checksums ─► counted ─► redirect_neigh
 * ```
 *
 * Nothing is changed before it is certain that the packet leaves. Registers: r6 context, r7 packet, r8 flow, r9 slot.
 */
import { Assembler } from '../../linux/bpf/assembler.ts';
import {
  MARK_MANGLED_0,
  PSEUDO_HEADER,
  RECOMPUTE_CHECKSUM,
  SKB,
  TC_ACT_NEXT,
  TC_ACT_SHOT,
} from '../../linux/bpf/helpers.ts';
import type { Program } from '../../linux/bpf/instructions.ts';
import { FLOW, KEY, NEIGHBOUR_BYTES } from './flow-layout.ts';
import { countRtp } from './program-counting.ts';
import { CONTROL, LEFT_REASONS, type LeftReason, SLOT } from './slot-layout.ts';

export const FLOWS = 'flows';
export const SLOTS = 'slots';
export const CONTROLS = 'control';

/** Places in the frame, below r10. */
const STACK = {
  key: -40,
  slot: -44,
  now: -56,
  /** First eight bytes of the RTP header: type, sequence number, timestamp. */
  rtp: -64,
  payloadBytes: -72,
  /** The new IP header and the ports behind it. */
  header: -116,
} as const;

const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;
const RTP_BYTES = 12;
/** EtherTypes as the context has them, in network order. */
const ETH_P_IP = 0x0008;
const ETH_P_IPV6 = 0xdd86;
const IPPROTO_UDP = 17;
/** The reserved bit, "more fragments" and the offset; "don't fragment" may be set. In network order. */
const FRAGMENT_BITS = 0xffbf;

/** Where things are in a frame of a family. */
interface Shape {
  readonly family: 4 | 6;
  readonly ipBytes: number;
  readonly remote: number;
  readonly addressBytes: number;
  readonly ttl: number;
}

const IPV4: Shape = { family: 4, ipBytes: 20, remote: 12, addressBytes: 4, ttl: 8 };
const IPV6: Shape = { family: 6, ipBytes: 40, remote: 8, addressBytes: 16, ttl: 7 };

export function forwardingProgram(): Program {
  const a = new Assembler('ims_rtp');
  a.mov('r6', 'r1');
  for (const field of ['gso_size', 'pkt_type', 'vlan_present'] as const) {
    a.load('u32', 'r2', 'r6', SKB[field]).jumpIf('ne', 'r2', 0, 'stack');
  }
  a.load('u32', 'r2', 'r6', SKB.protocol)
    .jumpIf('eq', 'r2', ETH_P_IP, 'ipv4')
    .jumpIf('eq', 'r2', ETH_P_IPV6, 'ipv6')
    .label('stack')
    .mov('r0', TC_ACT_NEXT)
    .exit();
  a.label('ipv4');
  forwardFamily(a, IPV4);
  a.label('ipv6');
  forwardFamily(a, IPV6);
  countRtp(a, STACK);
  redirect(a);
  for (const [index, reason] of LEFT_REASONS.entries()) {
    a.label(left(reason))
      .mapValue('r1', CONTROLS, CONTROL.left + 8 * index)
      .jump('left');
  }
  // Counted before the socket can have it, so that it is never settled before it was left.
  a.label('left')
    .mov('r2', 1)
    .atomicAdd('u64', 'r1', 0, 'r2')
    .atomicAdd('u32', 'r9', SLOT.left, 'r2')
    .jump('stack')
    .label('drop')
    .mov('r0', TC_ACT_SHOT)
    .exit();
  return a.assemble();
}

function left(reason: LeftReason): string {
  return `left_${reason.replaceAll('-', '_')}`;
}

function forwardFamily(a: Assembler, shape: Shape): void {
  const rtp = ETHERNET_BYTES + shape.ipBytes + UDP_BYTES;
  pull(a, rtp + RTP_BYTES, `whole${shape.family}`);
  checkIp(a, shape);
  findFlow(a, shape);
  checkRtp(a, shape, rtp);
  rewrite(a, shape);
  a.jump('sent');
}

/** r7 is the packet, of which so many bytes can be read. */
function pull(a: Assembler, bytes: number, whole: string): void {
  const reach = (): Assembler =>
    a.load('u32', 'r7', 'r6', SKB.data).load('u32', 'r3', 'r6', SKB.data_end).mov('r2', 'r7').alu('add', 'r2', bytes);
  reach()
    .jumpIf('le', 'r2', 'r3', whole)
    .mov('r1', 'r6')
    .mov('r2', bytes)
    .call('skb_pull_data')
    .jumpIf('ne', 'r0', 0, 'stack');
  reach().jumpIf('gt', 'r2', 'r3', 'stack').label(whole);
}

/** No options or extension headers, no fragment, UDP as long as IP says. Leaves the length of IP in r4, of UDP in r5. */
function checkIp(a: Assembler, { family, ipBytes }: Shape): void {
  const ip = ETHERNET_BYTES;
  if (family === 4) {
    a.load('u8', 'r2', 'r7', ip).jumpIf('ne', 'r2', 0x45, 'stack');
    a.load('u16', 'r2', 'r7', ip + 6).jumpIf('set', 'r2', FRAGMENT_BITS, 'stack');
    a.load('u8', 'r2', 'r7', ip + 9).jumpIf('ne', 'r2', IPPROTO_UDP, 'stack');
    a.load('u16', 'r4', 'r7', ip + 2).swap(16, 'r4');
  } else {
    a.load('u8', 'r2', 'r7', ip).alu('and', 'r2', 0xf0).jumpIf('ne', 'r2', 0x60, 'stack');
    a.load('u8', 'r2', 'r7', ip + 6).jumpIf('ne', 'r2', IPPROTO_UDP, 'stack');
    a.load('u16', 'r4', 'r7', ip + 4)
      .swap(16, 'r4')
      .alu('add', 'r4', ipBytes);
  }
  a.load('u16', 'r5', 'r7', ip + ipBytes + 4).swap(16, 'r5');
  a.mov('r2', 'r5').alu('add', 'r2', ipBytes).jumpIf('ne', 'r2', 'r4', 'stack');
  // A frame may be padded, but holds all that IP says.
  a.load('u32', 'r3', 'r6', SKB.len).mov('r2', 'r4').alu('add', 'r2', ip).jumpIf('gt', 'r2', 'r3', 'stack');
  a.alu('sub', 'r5', UDP_BYTES).store('u64', 'r10', STACK.payloadBytes, 'r5');
}

/** r8 is the flow, r9 its slot. */
function findFlow(a: Assembler, { family, ipBytes, remote, addressBytes }: Shape): void {
  const ip = ETHERNET_BYTES;
  for (let word = 0; word < 32; word += 4) {
    const inAddress = word % 16;
    const from = ip + remote + (word < KEY.local ? 0 : addressBytes) + inAddress;
    if (inAddress < addressBytes) {
      a.load('u32', 'r2', 'r7', from).store('u32', 'r10', STACK.key + word, 'r2');
    } else {
      a.store('u32', 'r10', STACK.key + word, 0);
    }
  }
  a.load('u32', 'r2', 'r7', ip + ipBytes).store('u32', 'r10', STACK.key + KEY.remotePort, 'r2');
  a.store('u32', 'r10', STACK.key + KEY.family, family);
  a.map('r1', FLOWS).mov('r2', 'r10').alu('add', 'r2', STACK.key).call('map_lookup_elem');
  a.jumpIf('eq', 'r0', 0, 'stack').mov('r8', 'r0');
  a.load('u32', 'r2', 'r8', FLOW.slot).store('u32', 'r10', STACK.slot, 'r2');
  a.map('r1', SLOTS).mov('r2', 'r10').alu('add', 'r2', STACK.slot).call('map_lookup_elem');
  a.jumpIf('eq', 'r0', 0, 'stack').mov('r9', 'r0');
}

/** Whether this packet is what the flow carries, and the flow is looked after. */
function checkRtp(a: Assembler, { family, ipBytes, ttl }: Shape, rtp: number): void {
  const ip = ETHERNET_BYTES;
  a.load('u8', 'r2', 'r7', ip + ttl).jumpIf('le', 'r2', 1, left('ttl'));
  if (family === 6) {
    a.load('u16', 'r2', 'r7', ip + ipBytes + 6).jumpIf('eq', 'r2', 0, left('no-checksum'));
  }
  a.load('u64', 'r3', 'r10', STACK.payloadBytes).jumpIf('slt', 'r3', RTP_BYTES, left('no-rtp'));
  a.load('u8', 'r2', 'r7', rtp).alu('and', 'r2', 0xc0).jumpIf('ne', 'r2', 0x80, left('no-rtp'));
  // Of the two words of the bitmap the one that has the type's bit.
  const upper = `upper${family}`;
  const chosen = `chosen${family}`;
  a.load('u8', 'r2', 'r7', rtp + 1)
    .alu('and', 'r2', 0x7f)
    .jumpIf('gt', 'r2', 63, upper)
    .load('u64', 'r3', 'r8', FLOW.payloadTypes)
    .jump(chosen)
    .label(upper)
    .load('u64', 'r3', 'r8', FLOW.payloadTypes + 8)
    .label(chosen)
    .alu('and', 'r2', 63)
    .alu('rsh', 'r3', 'r2')
    .alu('and', 'r3', 1)
    .jumpIf('eq', 'r3', 0, left('payload-type'));
  a.load('u32', 'r2', 'r7', rtp + 8)
    .load('u32', 'r3', 'r8', FLOW.ssrc)
    .jumpIf('ne', 'r2', 'r3', left('ssrc'));
  a.load('u64', 'r2', 'r10', STACK.payloadBytes)
    .alu('add', 'r2', ipBytes + UDP_BYTES)
    .load('u32', 'r3', 'r8', FLOW.mtu)
    .jumpIf('gt', 'r2', 'r3', left('too-long'));
  const inOrder = `inOrder${family}`;
  a.load('u32', 'r2', 'r8', FLOW.keepOrder)
    .jumpIf('eq', 'r2', 0, inOrder)
    .load('u32', 'r2', 'r9', SLOT.left)
    .load('u32', 'r3', 'r9', SLOT.settled)
    .jumpIf('ne', 'r2', 'r3', left('order'))
    .label(inOrder);
  // The packet's pointer is lost in the rewriting; counting needs no more of it than this.
  for (const half of [0, 4]) {
    a.load('u32', 'r2', 'r7', rtp + half).store('u32', 'r10', STACK.rtp + half, 'r2');
  }
  a.call('ktime_get_ns').store('u64', 'r10', STACK.now, 'r0');
  a.mapValue('r1', CONTROLS, CONTROL.aliveUntilNs).load('u64', 'r1', 'r1', 0).jumpIf('ge', 'r0', 'r1', left('dead'));
}

/**
 * The new header is made in the frame. The sum of UDP is corrected by differences, by the kernel's own functions: they
 * know whether it is complete, still to be computed by the hardware, or missing. The first of them is the only one that
 * can fail (no memory for a copy that may be written to), while nothing is changed yet.
 */
function rewrite(a: Assembler, shape: Shape): void {
  const { family, ipBytes, remote, addressBytes } = shape;
  const ip = ETHERNET_BYTES;
  const ports = ip + ipBytes;
  const header = STACK.header;
  for (let word = 0; word < remote; word += 4) {
    a.load('u32', 'r2', 'r7', ip + word).store('u32', 'r10', header + word, 'r2');
  }
  for (let word = 0; word < addressBytes; word += 4) {
    a.load('u32', 'r2', 'r8', FLOW.source + word).store('u32', 'r10', header + remote + word, 'r2');
    a.load('u32', 'r2', 'r8', FLOW.destination + word).store('u32', 'r10', header + remote + addressBytes + word, 'r2');
  }
  a.load('u32', 'r2', 'r8', FLOW.sourcePort).store('u32', 'r10', header + ipBytes, 'r2');
  a.load('u8', 'r2', 'r10', header + shape.ttl)
    .alu('sub', 'r2', 1)
    .store('u8', 'r10', header + shape.ttl, 'r2');
  a.load('u32', 'r2', 'r8', FLOW.tos);
  if (family === 4) {
    a.store('u8', 'r10', header + 1, 'r2');
    difference(a, ip, header, ipBytes);
    correctIpSum(a, header + 10);
  } else {
    // The traffic class lies across the first two bytes.
    a.mov('r3', 'r2').alu('rsh', 'r3', 4).alu('or', 'r3', 0x60).store('u8', 'r10', header, 'r3');
    a.alu('lsh', 'r2', 4)
      .load('u8', 'r3', 'r10', header + 1)
      .alu('and', 'r3', 0x0f);
    a.alu('or', 'r3', 'r2').store('u8', 'r10', header + 1, 'r3');
  }
  // The old ports, for after the pointer is lost; the key has them.
  difference(a, ip + remote, header + remote, 2 * addressBytes);
  a.mov('r4', 'r0')
    .mov('r1', 'r6')
    .mov('r2', ports + 6)
    .mov('r3', 0)
    .mov('r5', PSEUDO_HEADER | MARK_MANGLED_0)
    .call('l4_csum_replace')
    .jumpIf('ne', 'r0', 0, left('no-memory'));
  a.mov('r1', 'r6')
    .mov('r2', ports + 6)
    .load('u32', 'r3', 'r10', STACK.key + KEY.remotePort)
    .load('u32', 'r4', 'r10', header + ipBytes)
    .mov('r5', MARK_MANGLED_0 | 4)
    .call('l4_csum_replace')
    .jumpIf('ne', 'r0', 0, 'drop');
  if (family === 4) {
    // Each change is made up for by a checksum inside these bytes or behind them.
    storeHeader(a, ip, header, ipBytes + 4, 0);
  } else {
    // IPv6 has no checksum of its own that makes up for what changes.
    storeHeader(a, ip, header, ipBytes, RECOMPUTE_CHECKSUM);
    storeHeader(a, ports, header + ipBytes, 4, 0);
  }
}

/** r0 = sum of the new bytes in the frame less that of the old ones in the packet. */
function difference(a: Assembler, inPacket: number, inFrame: number, bytes: number): void {
  a.mov('r1', 'r7')
    .alu('add', 'r1', inPacket)
    .mov('r2', bytes)
    .mov('r3', 'r10')
    .alu('add', 'r3', inFrame)
    .mov('r4', bytes)
    .mov('r5', 0)
    .call('csum_diff');
}

/** The sum in the frame, changed by the difference in r0 (RFC 1624 eq. 3). */
function correctIpSum(a: Assembler, at: number): void {
  a.alu32('mov', 'r0', 'r0').load('u16', 'r2', 'r10', at).alu('xor', 'r2', 0xffff).alu('add', 'r0', 'r2');
  for (let fold = 0; fold < 3; fold += 1) {
    a.mov('r2', 'r0').alu('rsh', 'r2', 16).alu('and', 'r0', 0xffff).alu('add', 'r0', 'r2');
  }
  a.alu('xor', 'r0', 0xffff).store('u16', 'r10', at, 'r0');
}

function storeHeader(a: Assembler, inPacket: number, inFrame: number, bytes: number, flags: number): void {
  a.mov('r1', 'r6')
    .mov('r2', inPacket)
    .mov('r3', 'r10')
    .alu('add', 'r3', inFrame)
    .mov('r4', bytes)
    .mov('r5', flags)
    .call('skb_store_bytes')
    .jumpIf('ne', 'r0', 0, 'drop');
}

/** The kernel finds the neighbour's hardware address, and clears the time stamp, which is that of the arrival. */
function redirect(a: Assembler): void {
  a.load('u32', 'r2', 'r8', FLOW.mark).store('u32', 'r6', SKB.mark, 'r2');
  a.load('u32', 'r1', 'r8', FLOW.outIfindex)
    .mov('r2', 0)
    .mov('r3', 0)
    .mov('r4', 0)
    .load('u32', 'r5', 'r8', FLOW.neighbour)
    .jumpIf('eq', 'r5', 0, 'by_routes')
    .mov('r2', 'r8')
    .alu('add', 'r2', FLOW.neighbour)
    .mov('r3', NEIGHBOUR_BYTES)
    .call('redirect_neigh')
    .exit()
    .label('by_routes')
    .call('redirect_neigh')
    .exit();
}
