/**
 * What moves packets: node:dgram (portable) or worker threads (native), the kernel later. A plane opens
 * port pairs, hands every packet to the session's `MediaPath`, sends what that tells it to, and counts. All policy
 * (which source is believed, what is refused, when a session ends) is in this folder and the same for every plane.
 *
 * Orders go in as calls that return at once; facts come back through `PlaneListener`, always later, never from
 * inside a call: a plane may live in other threads.
 */

import type { Brand } from '../wire/brand.ts';
import type { AddressFamily, TransportAddress } from '../wire/ip-address.ts';
import type { LegCounters } from './media/counters.ts';
import type { FlowState } from './media/flow-states.ts';
import type { ErrorKind, PacketKind } from './media/kinds.ts';
import type { ResizerCounts } from './media/resizer.ts';

export type SessionId = Brand<number, 'SessionId'>;

/**
 * Leg 0 faces the callee: its port is the one that a `U` of the caller reports. Leg 1 faces the caller. What
 * arrives on one leaves through the other.
 */
export type Side = 0 | 1;

export const CALLEE_SIDE = 0;
export const CALLER_SIDE = 1;

export function otherSide(side: Side): Side {
  return side === 0 ? 1 : 0;
}

/** For logs. */
export function sideName(side: Side): 'caller' | 'callee' {
  return side === CALLER_SIDE ? 'caller' : 'callee';
}

/** RTP on the even port of a pair, RTCP on the odd one above it. */
export type Component = 'rtp' | 'rtcp';

export interface PairRequest {
  readonly session: SessionId;
  readonly side: Side;
  /** Local address to bind; a wildcard binds all. */
  readonly address: string;
  readonly family: AddressFamily;
  /** Even: the RTP port. */
  readonly port: number;
}

/**
 * `in-use`: another program has one of the two ports, the next pair is worth a try. `no-privilege`: the system does
 * not let this process have the port. `not-local`: the address is not
 * one of this host. `no-descriptors`: the process may open no more sockets. No socket is left open by a failure.
 */
export type PairFailure = 'in-use' | 'no-privilege' | 'not-local' | 'no-descriptors' | 'other';

export type PairOutcome =
  | { readonly kind: 'opened' }
  | { readonly kind: 'failed'; readonly reason: PairFailure; readonly cause: string };

/** A signalled peer: `undefined` (hold, or no address given) changes nothing but `asymmetric`. */
export interface PeerOrder {
  readonly peer: TransportAddress | undefined;
  /** Believe the host and never learn another address. */
  readonly asymmetric: boolean;
  /** The command says in so many words that the party may be anywhere (modifier `S`). */
  readonly symmetric?: boolean;
  /** SSRC that the party of this leg's port had in the call before, which may still be sending. */
  readonly shunnedSsrc?: number | undefined;
}

/** Counted over all sessions, ended ones included; RTP and RTCP together. */
export interface PlaneTotals {
  /** Packets read on sessions whose two legs are open. */
  readonly received: number;
  readonly relayed: number;
  /** Refused by the latch, without a known destination, or before the session was complete. */
  readonly discarded: number;
  /** Sent by players. */
  readonly played: number;
  /** Taken, made and lost by re-packetising. */
  readonly resizer: Readonly<ResizerCounts>;
  /** Of the discarded ones: refused by the latch, by what they were. */
  refusedOf(kind: PacketKind): number;
  /** Sends and receives that the system refused. */
  readonly errors: number;
  errorsOf(kind: ErrorKind): number;
  /** Of `relayed`: by the kernel. */
  readonly inKernel: number;
  /** Legs by the way that their RTP takes now; empty where the plane has only one. Costs a look at every leg. */
  flows(): ReadonlyMap<FlowState, number>;
}

export interface LegReport {
  readonly counters: LegCounters;
  /** Where RTP for this party is sent; undefined while nobody knows. */
  readonly remote: TransportAddress | undefined;
  /** Where what this party sends passes; undefined: the plane has only one way. */
  readonly flow?: FlowState | undefined;
}

/** What a plane can be asked at any time, without waiting. */
export interface PlaneMeter {
  readonly totals: PlaneTotals;
  /** Undefined: the plane has no such leg (yet). */
  leg(session: SessionId, side: Side): LegReport | undefined;
}

export interface MediaPlane extends PlaneMeter {
  readonly name: 'portable' | 'native' | 'kernel';
  /** Whether `setTos` has an effect. */
  readonly canSetTos: boolean;
  /** Opens the pair and answers with `pairOpened`; replaces (and closes) the pair that the leg has. */
  open(request: PairRequest): void;
  setPeer(session: SessionId, side: Side, order: PeerOrder): void;
  /** IP TOS of packets sent from this leg, 0–255. */
  setTos(session: SessionId, side: Side, tos: number): void;
  /** Whether copies of what is accepted on the leg go to the listener's `packet`. */
  tap(session: SessionId, side: Side, on: boolean): void;
  /** Re-packetise what the party of this leg sends to as many milliseconds a packet; 0: leave it as it is. */
  setPacketLength(session: SessionId, side: Side, ms: number): void;
  /** Whether RTP for the party of this leg is dropped, because a prompt plays to it. */
  mute(session: SessionId, side: Side, on: boolean): void;
  /** RTP of this payload type that the party of this leg sends is not passed on; undefined: all is. */
  hide(session: SessionId, side: Side, payloadType: number | undefined): void;
  /** What the parties of this session send goes nowhere, RTP and RTCP: they hear what `feed` sends them. */
  setFed(session: SessionId): void;
  /** Sends a packet of another session to the party of this leg; dropped while its address or socket is missing. */
  feed(session: SessionId, side: Side, component: Component, packet: Uint8Array): void;
  /** Sends an RTP packet of ours to the party of this leg; false: its address is not known, or the leg has no socket. */
  play(session: SessionId, side: Side, packet: Uint8Array): boolean;
  /** Closes both legs and forgets the session; its counters can be read until this is called. */
  end(session: SessionId): void;
  /** What was said until now holds for packets that are sent from now on; to be called before a command is answered. */
  commit(): void;
  /** Ends every session. Idempotent. */
  close(): Promise<void>;
}

export type PlaneEvent =
  /** The first packet that was accepted from a party. */
  | {
      readonly kind: 'first-packet';
      readonly session: SessionId;
      readonly side: Side;
      readonly remote: TransportAddress;
    }
  /** A source was learned or has moved. */
  | {
      readonly kind: 'latched';
      readonly session: SessionId;
      readonly side: Side;
      readonly component: Component;
      readonly remote: TransportAddress;
    }
  /** A source was believed without signalling's word, and another one has proved as much. */
  | {
      readonly kind: 'contested';
      readonly session: SessionId;
      readonly side: Side;
      readonly remote: TransportAddress;
    }
  /** A socket failed in a way that no packet explains. */
  | { readonly kind: 'socket-error'; readonly session: SessionId; readonly side: Side; readonly cause: string };

export interface PlaneListener {
  pairOpened(request: PairRequest, outcome: PairOutcome): void;
  event(event: PlaneEvent): void;
  /** A packet of a tapped leg, as it was accepted; its bytes are only valid during the call. */
  packet(session: SessionId, side: Side, component: Component, packet: Uint8Array, source: TransportAddress): void;
}
