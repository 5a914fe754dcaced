import type { LegReport, PeerOrder, SessionId, Side } from '../../relay/plane.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import type { Order } from './messages.ts';
import type { OffloadControl } from './offload.ts';
import type { OpenPair } from './port-pairs.ts';
import { NO_PLACE, type SharedLeg } from './shared-session.ts';
import type { Place } from './slab-places.ts';
import type { WorkerHandle } from './worker-handle.ts';

/** A leg as the control thread knows it: enough to tell another worker all of it. */
export interface NativeLeg {
  pair: OpenPair | undefined;
  /** All that signalling has said so far, in one order. */
  order: PeerOrder | undefined;
  tos: number | undefined;
  tapped: boolean;
  muted: boolean;
  hidden: number | undefined;
  packetMs: number;
  readonly shared: SharedLeg;
}

export class NativeSession {
  readonly id: SessionId;
  readonly worker: WorkerHandle;
  readonly legs: readonly [NativeLeg, NativeLeg];
  isFed = false;
  /** Where its counters lie, in the worker's memory. */
  readonly place: Place;

  constructor(id: SessionId, worker: WorkerHandle, tos: number | undefined) {
    this.id = id;
    this.worker = worker;
    this.place = worker.takePlace();
    this.legs = [newLeg(worker.leg(this.place, 0), tos), newLeg(worker.leg(this.place, 1), tos)];
  }

  /** The orders that make a worker begin with this session, or go on where another one has left it. */
  get orders(): Order[] {
    const { id: session } = this;
    const orders: Order[] = [{ kind: 'begin', session, place: this.place }];
    for (const side of [0, 1] as const) {
      const { order, shared, tos, tapped, muted, hidden, packetMs } = this.legs[side];
      if (tos !== undefined) {
        orders.push({ kind: 'tos', session, side, tos });
      }
      if (order !== undefined) {
        orders.push({ kind: 'peer', session, side, order });
      }
      const source = shared.source.read();
      const remote = shared.remote.read();
      if (source !== undefined && remote !== undefined) {
        orders.push({ kind: 'resume', session, side, source, remote });
      }
      if (tapped) {
        orders.push({ kind: 'tap', session, side, on: true });
      }
      if (muted) {
        orders.push({ kind: 'mute', session, side, on: true });
      }
      if (hidden !== undefined) {
        orders.push({ kind: 'hide', session, side, payloadType: hidden });
      }
      if (packetMs > 0) {
        orders.push({ kind: 'packet-length', session, side, ms: packetMs });
      }
    }
    if (this.isFed) {
      orders.push({ kind: 'fed', session });
    }
    return orders;
  }

  /** Notes what signalling says, and gives the order as it came. */
  signal(side: Side, order: PeerOrder): void {
    const leg = this.legs[side];
    leg.order = { ...order, peer: order.peer ?? leg.order?.peer };
    this.worker.order({ kind: 'peer', session: this.id, side, order });
  }

  /** @param offload takes flows off the sockets */
  report(side: Side, offload: OffloadControl | undefined): LegReport {
    const { counters, remote, flow } = this.legs[side].shared;
    if (offload === undefined) {
      return { counters, remote: remote.read() };
    }
    const joined = flow.read((place) => offload.passedOn(place));
    joined.lastPlayedAt = counters.lastPlayedAt;
    return { counters: joined, remote: remote.read(), flow: flow.state };
  }

  /** The worker is dead: what was taken off its sockets is joined in its place, and comes to them again. Packets joined. */
  rejoin(offload: OffloadControl): number {
    let packets = 0;
    for (const { shared } of this.legs) {
      const { flow, counters } = shared;
      const stretch = flow.place === NO_PLACE ? undefined : offload.passedOn(flow.place);
      flow.change(() => {
        if (stretch !== undefined) {
          packets += Math.max(0, stretch.packets - flow.joint.packets);
          counters.join(stretch, flow.joint);
        }
        flow.set('unknown-source', NO_PLACE);
      });
    }
    return packets;
  }

  remote(side: Side): TransportAddress | undefined {
    return this.legs[side].shared.remote.read();
  }
}

function newLeg(shared: SharedLeg, tos: number | undefined): NativeLeg {
  return {
    pair: undefined,
    order: undefined,
    tos,
    tapped: false,
    muted: false,
    hidden: undefined,
    packetMs: 0,
    shared,
  };
}
