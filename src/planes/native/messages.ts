/**
 * What the control thread and a worker say to each other, as lists: a message costs more than what is in it. Orders come in
 * the order in which they were given.
 */
import type { LatchSettings } from '../../relay/latching/index.ts';
import type { OwnControlFacts } from '../../relay/own-control.ts';
import type { Component, PeerOrder, PlaneEvent, SessionId, Side } from '../../relay/plane.ts';
import type { AddressFamily, TransportAddress } from '../../wire/ip-address.ts';
import type { Place } from './slab-places.ts';

/** Two bound sockets. */
export interface PairDescriptors {
  /** What the RTP socket is bound to. */
  readonly local: TransportAddress;
  readonly rtp: number;
  readonly rtcp: number;
  readonly family: AddressFamily;
}

/** Descriptors that may be closed once the worker has answered with this number. */
export type Ticket = number;

export type Order =
  /** Memory of sessions to come; slabs are numbered as they come, after those of the birth. */
  | { readonly kind: 'slab'; readonly memory: SharedArrayBuffer }
  /** The first order for a session. What is at its place already is gone on with. */
  | { readonly kind: 'begin'; readonly session: SessionId; readonly place: Place }
  /** Takes the place of the pair that the leg has, if any, and answers `ticket` when that one is not used any more. */
  | {
      readonly kind: 'attach';
      readonly session: SessionId;
      readonly side: Side;
      readonly pair: PairDescriptors;
      readonly ticket: Ticket | undefined;
    }
  | { readonly kind: 'peer'; readonly session: SessionId; readonly side: Side; readonly order: PeerOrder }
  /** After the `peer` of a session that another worker has had. */
  | {
      readonly kind: 'resume';
      readonly session: SessionId;
      readonly side: Side;
      readonly source: TransportAddress;
      readonly remote: TransportAddress;
    }
  | { readonly kind: 'tap'; readonly session: SessionId; readonly side: Side; readonly on: boolean }
  | { readonly kind: 'mute'; readonly session: SessionId; readonly side: Side; readonly on: boolean }
  | {
      readonly kind: 'hide';
      readonly session: SessionId;
      readonly side: Side;
      readonly payloadType: number | undefined;
    }
  | { readonly kind: 'tos'; readonly session: SessionId; readonly side: Side; readonly tos: number }
  | { readonly kind: 'fed'; readonly session: SessionId }
  | {
      readonly kind: 'feed';
      readonly session: SessionId;
      readonly side: Side;
      readonly component: Component;
      readonly packet: Uint8Array;
    }
  | { readonly kind: 'packet-length'; readonly session: SessionId; readonly side: Side; readonly ms: number }
  | { readonly kind: 'end'; readonly session: SessionId; readonly ticket: Ticket }
  /** The memory for copies of tapped packets; comes before the first tap. */
  | { readonly kind: 'copies'; readonly memory: SharedArrayBuffer }
  /** Routes, neighbours or interfaces have changed. */
  | { readonly kind: 'network' }
  | { readonly kind: 'own-control'; readonly facts: OwnControlFacts }
  | { readonly kind: 'stop' };

export type Report =
  | { readonly kind: 'ready' }
  /** It cannot work here. */
  | { readonly kind: 'unfit'; readonly reason: string }
  | { readonly kind: 'event'; readonly event: PlaneEvent }
  | { readonly kind: 'released'; readonly ticket: Ticket }
  /** There are copies to be fetched. */
  | { readonly kind: 'copies' };

/** What a worker is born with. */
export interface WorkerBirth {
  readonly epoll: number;
  /** Signalled when there are orders. */
  readonly event: number;
  /** See `shared-totals.ts`. */
  readonly totals: SharedArrayBuffer;
  /** See `shared-session.ts`. */
  readonly slabs: readonly SharedArrayBuffer[];
  /** What `performance.now()` of the control thread was when the monotonic clock was 0, ms. */
  readonly clockOffsetMs: number;
  readonly latching: LatchSettings;
  readonly ownControl: OwnControlFacts;
  readonly dropsRights: boolean;
  /** For what takes flows off the sockets; undefined: nothing does. */
  readonly offload?: unknown;
}
