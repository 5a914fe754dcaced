/**
 * What the program counts, in memory that the kernel and this process share.
 *
 * ```
 *  slot, one a flow, 128 bytes = two cache lines; numbers of a little-endian machine
 *    0 packets:8 │ 8 bytes:8 │ 16 last seen ns:8 │ 24 longest gap ns:8
 *   32 left to the socket:4 │ 36 of them settled:4 (written by this process) │ 40 highest:4 │ 44 lowest:4 (0: nothing came)
 *   48 the last 64 sequence numbers, a bit each:8 │ 56 sent in closed runs:8 │ 64 duplicates:8
 *   72 last arrival ns:8 (0: none) │ 80 last timestamp:4 │ 84 –:4
 *   88 jitter:4 │ 92 jitter max:4 │ 96 jitter sum:8 │ 104 jitter count:8    jitter in 1/16 of the timestamp's unit
 *
 *  control
 *    0 alive until ns:8 │ 8 open:8 (1 or 0; the program does not look) │ 16 packets of flows that were left to
 *    the socket, a count of eight bytes a reason
 * ```
 */
import type { FlowCounters } from './flow.ts';

export const SLOT = {
  packets: 0,
  bytes: 8,
  lastSeenNs: 16,
  longestGapNs: 24,
  left: 32,
  settled: 36,
  highest: 40,
  lowest: 44,
  window: 48,
  sentInClosedRuns: 56,
  duplicates: 64,
  lastArrivalNs: 72,
  lastTimestamp: 80,
  jitter: 88,
  jitterMax: 92,
  jitterSum: 96,
  jitterCount: 104,
} as const;
export const SLOT_BYTES = 128;

/** Jitter is kept in sixteenths (RFC 3550 A.8). */
export const JITTER_SCALE = 16;

/** Why a packet of a flow was left to the socket. */
export const LEFT_REASONS = [
  /** The deadline has passed: this process does not look after its flows. */
  'dead',
  /** STUN, DTLS, an old version, too short. */
  'no-rtp',
  /** DTMF, comfort noise, RTCP, or a codec that is new. */
  'payload-type',
  'ssrc',
  'too-long',
  /** TTL or hop limit of 1 or 0. */
  'ttl',
  /** IPv6 without a checksum. */
  'no-checksum',
  /** Others of the flow are still on their way through the socket. */
  'order',
  'no-memory',
] as const;

export type LeftReason = (typeof LEFT_REASONS)[number];

export const CONTROL = { aliveUntilNs: 0, open: 8, left: 16 } as const;
export const CONTROL_BYTES = CONTROL.left + 8 * LEFT_REASONS.length;

const TWO_TO_32 = 2 ** 32;

/** Each second and for each flow: no BigInt is made. */
export function readSlot(memory: DataView, slot: number): FlowCounters {
  const base = slot * SLOT_BYTES;
  const wide = (at: number): number =>
    memory.getUint32(base + at + 4, true) * TWO_TO_32 + memory.getUint32(base + at, true);
  const word = (at: number): number => memory.getUint32(base + at, true);
  const packets = wide(SLOT.packets);
  const lastSeenNs = wide(SLOT.lastSeenNs);
  const highest = word(SLOT.highest);
  const lowest = word(SLOT.lowest);
  const sentInClosedRuns = wide(SLOT.sentInClosedRuns);
  const duplicates = wide(SLOT.duplicates);
  const sent = sentInClosedRuns + (highest === 0 ? 0 : highest - lowest + 1);
  return {
    packets,
    bytes: wide(SLOT.bytes),
    lastSeenAt: lastSeenNs === 0 ? Number.NEGATIVE_INFINITY : lastSeenNs / 1e6,
    longestGapMs: wide(SLOT.longestGapNs) / 1e6,
    lowest,
    highest,
    sentInClosedRuns,
    sent,
    duplicates,
    lost: Math.max(0, sent - (packets - duplicates)),
    jitter: word(SLOT.jitter) / JITTER_SCALE,
    jitterMax: word(SLOT.jitterMax) / JITTER_SCALE,
    jitterSum: wide(SLOT.jitterSum) / JITTER_SCALE,
    jitterCount: wide(SLOT.jitterCount),
    toSocket: word(SLOT.left),
  };
}

export function readLeft(memory: DataView): Record<LeftReason, number> {
  return Object.fromEntries(
    LEFT_REASONS.map((reason, index) => [reason, Number(memory.getBigUint64(CONTROL.left + 8 * index, true))]),
  ) as Record<LeftReason, number>;
}
