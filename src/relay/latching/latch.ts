/** Who a party is: the question that a relay answers for each packet from a source it does not know yet. */
import type { TransportAddress } from '../../wire/ip-address.ts';
import type { PeerOrder } from '../plane.ts';

/**
 * `latched`: accepted, and this source is now the party. `contested`: refused, and the source has proved as much as
 * the one that is believed, shortly after it: nobody can say which of the two is the party.
 */
export type Verdict = 'accepted' | 'latched' | 'refused' | 'contested';

/** A packet that was refused because its source had not proved itself yet. */
export interface HeldPacket {
  /** When it arrived; monotonic ms. */
  readonly at: number;
  readonly packet: Uint8Array;
}

/** One component (RTP or RTCP) of one leg. Planes use no other knowledge of it than this. */
export interface Latch {
  /** Where packets for the party go; undefined while nobody knows. */
  readonly remote: TransportAddress | undefined;
  /** Called for every packet, so it allocates nothing unless the source is new and may be believed. */
  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict;
  /** After `latched`: what the source had sent before, in order, without the packet that made it believed. Once. */
  takeHeld(): readonly HeldPacket[];
}

/** The RTP component is what signalling speaks of; RTCP follows it. */
export interface RtpLatch extends Latch {
  /** The source that is believed; undefined until one is. */
  readonly source: TransportAddress | undefined;
  /** What the last U or L with an address said. */
  readonly signalled: TransportAddress | undefined;
  readonly asymmetric: boolean;
  /** Changes whenever `remote` does. */
  readonly generation: number;
  /** Whether who sends this SSRC belongs to the call that had the port before. */
  shuns(now: number, ssrc: number): boolean;
  signal(now: number, order: PeerOrder): void;
  /** The believed source's packets went on elsewhere until `at`, up to this sequence number. */
  passed(at: number, sequence: number): void;
  /** Goes on with what another latch of this leg had learned, after the same `signal`. */
  resume(source: TransportAddress, remote: TransportAddress): void;
}

/** How sources are believed; `--latching=`. */
export const LATCHING_MODES = ['safe', 'strict', 'rtpproxy'] as const;

export type LatchingMode = (typeof LATCHING_MODES)[number];

/** Makes the two latches of a leg. */
export interface LatchPolicy {
  readonly name: LatchingMode;
  rtp(): RtpLatch;
  rtcp(rtp: RtpLatch): Latch;
}

/** Whether packets from a source must not be believed, whatever they say. */
export type SourceRule = (address: string, port: number) => boolean;

export const NOTHING_HELD: readonly HeldPacket[] = [];

export function isFrom(source: TransportAddress | undefined, address: string, port: number): boolean {
  return source !== undefined && source.port === port && source.address === address;
}
