import type { TransportAddress } from '../../wire/ip-address.ts';
import type { Latch, LatchPolicy, RtpLatch } from '../latching/latch.ts';
import { type Component, otherSide, type PeerOrder, type Side } from '../plane.ts';
import { LegCounters } from './counters.ts';
import { type PacketKind, packetKind } from './kinds.ts';
import { hasRtpHeader, payloadTypeOf } from './packet.ts';
import type { Joint, PassedOn } from './passed-on.ts';
import { noteReceptionReport } from './reception-report.ts';
import type { Resizer } from './resizer.ts';

/** What a plane does for a path. Called from inside `receive`, with nothing allocated for it. */
export interface PacketSink {
  /** Send `packet` from the socket of `side` and `component`. The packet is only valid during the call. */
  forward(side: Side, component: Component, packet: Uint8Array, to: TransportAddress): void;
  latched(side: Side, component: Component, remote: TransportAddress): void;
  firstPacket(side: Side, remote: TransportAddress): void;
  discarded(): void;
  /** The same, because nobody of this session sent it. */
  refused(kind: PacketKind): void;
  /** So many packets that were discarded are passed on after all. */
  restored(count: number): void;
  /** Two sources claim to be the party, and signalling names neither. */
  contested(side: Side, remote: TransportAddress): void;
  /** A packet of a tapped leg, before it is forwarded. */
  tapped(side: Side, component: Component, packet: Uint8Array, source: TransportAddress): void;
}

export interface StraightWay {
  readonly from: TransportAddress;
  readonly to: TransportAddress;
}

/** Why packets of a party have to pass here. */
export type Detour = 'unknown-source' | 'unknown-destination' | 'fed' | 'copied' | 'prompt' | 'keys' | 'resized';

interface Leg {
  readonly rtp: RtpLatch;
  readonly rtcp: Latch;
  readonly counters: LegCounters;
  open: boolean;
  tapped: boolean;
  muted: boolean;
  /** RTP of this payload type is not passed on. */
  hidden: number | undefined;
  /** Cuts what this party sends. */
  resizer: Resizer | undefined;
}

/**
 * The way of a session's packets, the same on every plane: believe the source or not, count, and say where the
 * packet leaves. Packets are passed on as they are; nothing in them is rewritten.
 */
export class MediaPath {
  readonly #legs: readonly [Leg, Leg];
  #fed = false;

  /** @param counters of both legs; new ones unless another path has left some */
  constructor(
    policy: LatchPolicy,
    counters: readonly [LegCounters, LegCounters] = [new LegCounters(), new LegCounters()],
  ) {
    this.#legs = [newLeg(policy, counters[0]), newLeg(policy, counters[1])];
  }

  /** Both legs have their sockets; before that, what arrives is read and thrown away. */
  get complete(): boolean {
    return this.#legs[0].open && this.#legs[1].open;
  }

  counters(side: Side): LegCounters {
    return this.#legs[side].counters;
  }

  remote(side: Side): TransportAddress | undefined {
    return this.#legs[side].rtp.remote;
  }

  /** The source of RTP that is believed; undefined until one is. */
  source(side: Side): TransportAddress | undefined {
    return this.#legs[side].rtp.source;
  }

  /** The leg goes on where another path has left off, after the same `signal` and with its counters. */
  resume(side: Side, source: TransportAddress, remote: TransportAddress): void {
    this.#legs[side].rtp.resume(source, remote);
  }

  legOpened(side: Side): void {
    this.#legs[side].open = true;
  }

  tap(side: Side, on: boolean): void {
    this.#legs[side].tapped = on;
  }

  /** RTP for the party of this leg is dropped; RTCP passes. */
  mute(side: Side, on: boolean): void {
    this.#legs[side].muted = on;
  }

  /** RTP of this payload type from the party of this leg is dropped; undefined: none is. */
  hide(side: Side, payloadType: number | undefined): void {
    this.#legs[side].hidden = payloadType;
  }

  /** What the parties send is dropped from now on, RTP and RTCP. */
  setFed(): void {
    this.#fed = true;
  }

  /** A packet of another session for the party of this leg, as if the other party had sent it. */
  feed(now: number, side: Side, component: Component, packet: Uint8Array, sink: PacketSink): void {
    const to = this.#legs[side][component].remote;
    const { counters } = this.#legs[otherSide(side)];
    if (!this.#legs[side].open || to === undefined || to.port === 0) {
      sink.discarded();
      return;
    }
    counters.lastAcceptedAt = now;
    counters.countRelayed(component === 'rtp');
    sink.forward(side, component, packet, to);
  }

  /** What the party of this leg sends is cut anew; undefined: it is not. What waits of it is lost. */
  setResizer(side: Side, resizer: Resizer | undefined): void {
    this.#legs[side].resizer = resizer;
  }

  get resizes(): boolean {
    return this.#legs.some(({ resizer }) => resizer !== undefined);
  }

  /** When `flush` is due; Infinity: never. */
  get dueAt(): number {
    return Math.min(
      ...this.#legs.map(({ resizer }) => (resizer === undefined ? Number.POSITIVE_INFINITY : resizer.dueAt)),
    );
  }

  /** Sends on what has waited too long for the rest of its packet. */
  flush(now: number, sink: PacketSink): void {
    for (const side of [0, 1] as const) {
      const { resizer } = this.#legs[side];
      const far = otherSide(side);
      const to = this.#legs[far].rtp.remote;
      if (resizer !== undefined && resizer.dueAt <= now) {
        for (const packet of resizer.flush()) {
          if (to !== undefined && to.port !== 0) {
            sink.forward(far, 'rtp', packet, to);
          }
        }
      }
    }
  }

  /**
   * Which way RTP of this leg's party takes as long as nothing changes: from whom to whom, each packet as it is. Where
   * something has to be done with the packets, or somebody is not known yet, the reason.
   */
  straightWay(side: Side): StraightWay | Detour {
    const leg = this.#legs[side];
    const far = this.#legs[otherSide(side)];
    const from = leg.rtp.source;
    const to = far.rtp.remote;
    if (!this.complete || from === undefined) {
      return 'unknown-source';
    }
    if (to === undefined || to.port === 0) {
      return 'unknown-destination';
    }
    if (this.#fed) {
      return 'fed';
    }
    if (leg.tapped) {
      return 'copied';
    }
    if (far.muted) {
      return 'prompt';
    }
    if (leg.hidden !== undefined) {
      return 'keys';
    }
    return leg.resizer === undefined ? { from, to } : 'resized';
  }

  /** What went straight on since the last time. */
  join(side: Side, stretch: PassedOn, joint: Joint): void {
    const { counters, rtp } = this.#legs[side];
    if (stretch.packets > joint.packets) {
      rtp.passed(stretch.lastSeenAt, stretch.highest & 0xffff);
      counters.join(stretch, joint);
    }
  }

  signal(now: number, side: Side, order: PeerOrder): void {
    this.#legs[side].rtp.signal(now, order);
  }

  /** One packet that arrived on the socket of `side` and `component`. */
  receive(
    now: number,
    side: Side,
    component: Component,
    packet: Uint8Array,
    address: string,
    port: number,
    sink: PacketSink,
  ): void {
    if (!this.complete) {
      sink.discarded();
      return;
    }
    const leg = this.#legs[side];
    const { counters } = leg;
    const latch = leg[component];
    const verdict = latch.admit(now, address, port, packet);
    const isRtp = component === 'rtp';
    if (verdict === 'contested') {
      sink.contested(side, { address, port });
    }
    if (verdict === 'refused' || verdict === 'contested') {
      counters.countRefused(isRtp, 1);
      sink.refused(packetKind(packet));
      return;
    }
    if (verdict === 'latched') {
      const source = { address, port };
      sink.latched(side, component, source);
      const held = latch.takeHeld();
      if (held.length > 0) {
        counters.countRefused(true, -held.length);
        sink.restored(held.length);
        for (const { at, packet: earlier } of held) {
          this.#pass(at, side, component, earlier, address, port, sink);
        }
      }
    }
    this.#pass(now, side, component, packet, address, port, sink);
  }

  /** A packet of the party itself. */
  #pass(
    now: number,
    side: Side,
    component: Component,
    packet: Uint8Array,
    address: string,
    port: number,
    sink: PacketSink,
  ): void {
    const leg = this.#legs[side];
    const { counters } = leg;
    const isRtp = component === 'rtp';
    const far = otherSide(side);
    const muted = isRtp && this.#legs[far].muted;
    // What is dropped for a prompt, or in a session that is fed, keeps no session alive.
    if (!muted && !this.#fed) {
      counters.lastAcceptedAt = now;
    }
    counters.countAccepted(isRtp);
    if (isRtp) {
      counters.analysis.add(now, packet);
      if (counters.rtpAccepted === 1) {
        sink.firstPacket(side, { address, port });
      }
    } else {
      noteReceptionReport(counters, packet, this.#legs[far].counters.analysis.ssrc);
    }
    if (leg.tapped) {
      sink.tapped(side, component, packet, { address, port });
    }
    const to = this.#legs[far][component].remote;
    const hidden = isRtp && leg.hidden !== undefined && hasRtpHeader(packet) && payloadTypeOf(packet) === leg.hidden;
    if (to === undefined || to.port === 0 || muted || hidden || this.#fed) {
      counters.countDropped(isRtp);
      sink.discarded();
      return;
    }
    counters.countRelayed(isRtp);
    if (isRtp && leg.resizer !== undefined && hasRtpHeader(packet)) {
      for (const cut of leg.resizer.push(now, packet)) {
        sink.forward(far, component, cut, to);
      }
      return;
    }
    sink.forward(far, component, packet, to);
  }
}

function newLeg(policy: LatchPolicy, counters: LegCounters): Leg {
  const rtp = policy.rtp();
  return {
    rtp,
    rtcp: policy.rtcp(rtp),
    counters,
    open: false,
    tapped: false,
    muted: false,
    hidden: undefined,
    resizer: undefined,
  };
}
