import type { PacketIo } from '../../linux/packet-io.ts';
import type { LatchPolicy } from '../../relay/latching/latch.ts';
import type { PacketKind } from '../../relay/media/kinds.ts';
import { MediaPath, type PacketSink } from '../../relay/media/path.ts';
import { Resizer } from '../../relay/media/resizer.ts';
import { type Component, otherSide, type PlaneEvent, type SessionId, type Side } from '../../relay/plane.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { encodeAddress } from './addresses.ts';
import type { Offload } from './offload.ts';
import type { SharedLeg } from './shared-session.ts';
import type { WorkerTotals } from './worker-totals.ts';

/** What a session needs of its worker. */
export interface SessionHost {
  readonly io: PacketIo;
  readonly policy: LatchPolicy;
  readonly totals: WorkerTotals;
  readonly offload: Offload | undefined;
  event(event: PlaneEvent): void;
  /** A copy of the packet in `io`, for the control thread. */
  copy(session: SessionId, side: Side, component: Component, packet: Uint8Array): void;
}

/** Of the longest address, a sockaddr_in6. */
const SOCKADDR_WORDS = 7;
const ENCODED = new Int32Array(SOCKADDR_WORDS);

/** One socket of a session, watched by the worker. */
export class WorkerSocket {
  readonly fd: number;
  readonly session: WorkerSession;
  readonly side: Side;
  readonly component: Component;
  readonly local: TransportAddress;
  /** What `readable` events of it carry. */
  key = 0;
  /** Receives that failed one after the other. */
  failures = 0;
  /** Where `destination`, the words of a sockaddr, leads to. An array: a view of memory costs more than they. */
  to: TransportAddress | undefined;
  readonly destination = [0, 0, 0, 0, 0, 0, 0];
  destinationBytes = 0;

  constructor(fd: number, session: WorkerSession, side: Side, component: Component, local: TransportAddress) {
    this.fd = fd;
    this.local = local;
    this.session = session;
    this.side = side;
    this.component = component;
  }

  lead(to: TransportAddress): void {
    this.to = to;
    this.destinationBytes = encodeAddress(to, ENCODED);
    for (let word = 0; word < SOCKADDR_WORDS; word += 1) {
      this.destination[word] = ENCODED[word] as number;
    }
  }
}

export interface SocketPair {
  readonly rtp: WorkerSocket;
  readonly rtcp: WorkerSocket;
}

/** A session's way between its sockets, in the thread that moves its packets. */
export class WorkerSession implements PacketSink {
  readonly id: SessionId;
  readonly path: MediaPath;
  readonly pairs: [SocketPair | undefined, SocketPair | undefined] = [undefined, undefined];
  /** Of what leaves from this leg; undefined: the system's. */
  readonly tos: [number | undefined, number | undefined] = [undefined, undefined];
  readonly #host: SessionHost;
  readonly shared: readonly [SharedLeg, SharedLeg];

  constructor(id: SessionId, shared: readonly [SharedLeg, SharedLeg], host: SessionHost) {
    this.id = id;
    this.#host = host;
    this.shared = shared;
    this.path = new MediaPath(host.policy, [shared[0].counters, shared[1].counters]);
  }

  setPacketLength(side: Side, ms: number): void {
    this.path.setResizer(side, ms === 0 ? undefined : new Resizer(ms, this.#host.totals.resizer));
  }

  /** A packet that is in `io.packet`. */
  receive(now: number, socket: WorkerSocket, packet: Uint8Array, address: string, port: number): void {
    const { offload } = this.#host;
    if (this.path.complete) {
      this.#host.totals.countReceived();
    }
    if (offload !== undefined && socket.component === 'rtp') {
      offload.arriving(socket);
    }
    this.path.receive(now, socket.side, socket.component, packet, address, port, this);
    this.publish(socket.side);
    if (offload !== undefined && socket.component === 'rtp') {
      offload.handled(now, socket, packet, address, port);
    }
  }

  /** A packet of another session. */
  feed(now: number, side: Side, component: Component, packet: Uint8Array): void {
    this.path.feed(now, side, component, packet, this);
  }

  /** Tells the control thread who the party of this leg is. */
  publish(side: Side): void {
    const { path } = this;
    const shared = this.shared[side];
    shared.remote.write(path.remote(side));
    shared.source.write(path.source(side));
  }

  forward(side: Side, component: Component, packet: Uint8Array, to: TransportAddress): void {
    const socket = this.pairs[side]?.[component];
    if (socket === undefined) {
      return;
    }
    const { io, totals } = this.#host;
    totals.countRelayed();
    // Who has got the packet finds out from whom it came.
    this.publish(otherSide(side));
    if (socket.to !== to) {
      socket.lead(to);
    }
    const { destination } = socket;
    for (let word = 0; word < SOCKADDR_WORDS; word += 1) {
      io.destination[word] = destination[word] as number;
    }
    if (socket.destinationBytes === 0) {
      totals.countError('EINVAL');
    } else if (packet.buffer === io.packet.buffer) {
      if (io.forward(socket.fd, packet.length, socket.destinationBytes) < 0) {
        totals.countSystemError(io.error);
      }
    } else {
      io.out.set(packet);
      if (io.send(socket.fd, packet.length, socket.destinationBytes) < 0) {
        totals.countSystemError(io.error);
      }
    }
  }

  latched(side: Side, component: Component, remote: TransportAddress): void {
    if (component === 'rtp') {
      this.#host.offload?.withdraw(this);
    }
    this.#host.event({ kind: 'latched', session: this.id, side, component, remote });
  }

  firstPacket(side: Side, remote: TransportAddress): void {
    this.#host.event({ kind: 'first-packet', session: this.id, side, remote });
  }

  tapped(side: Side, component: Component, packet: Uint8Array): void {
    this.#host.copy(this.id, side, component, packet);
  }

  contested(side: Side, remote: TransportAddress): void {
    this.#host.event({ kind: 'contested', session: this.id, side, remote });
  }

  discarded(): void {
    this.#host.totals.countDiscarded(1);
  }

  refused(kind: PacketKind): void {
    this.#host.totals.countDiscarded(1);
    this.#host.totals.countRefused(kind, 1);
  }

  restored(count: number): void {
    this.#host.totals.countDiscarded(-count);
    this.#host.totals.countRefused('rtp', -count);
  }
}
