/** Who a party is: the question that a relay answers for each packet from a source it does not know yet. */
import type { TransportAddress } from '../../wire/ip-address.ts';
import type { PeerOrder } from '../plane.ts';

/** `latched`: accepted, and this source is now the party. */
export type Verdict = 'accepted' | 'latched' | 'refused';

/** One component (RTP or RTCP) of one leg. Planes use no other knowledge of it than this. */
export interface Latch {
  /** Where packets for the party go; undefined while nobody knows. */
  readonly remote: TransportAddress | undefined;
  /** Called for every packet, so it allocates nothing unless the source is new and believed. */
  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict;
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
  signal(now: number, order: PeerOrder): void;
}

/** Makes the two latches of a leg. `--latching=` will choose among several of these. */
export interface LatchPolicy {
  readonly name: string;
  rtp(): RtpLatch;
  rtcp(rtp: RtpLatch): Latch;
}

/** Whether packets from a source must not be believed, whatever they say. */
export type SourceRule = (address: string, port: number) => boolean;

export function isFrom(source: TransportAddress | undefined, address: string, port: number): boolean {
  return source !== undefined && source.port === port && source.address === address;
}
