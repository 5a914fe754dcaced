/** A worker from the inside: obeys the control thread and moves the packets of its sessions. */
import { networkInterfaces } from 'node:os';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { PacketIo } from '../../linux/packet-io.ts';
import { errorName } from '../../linux/socket-address.ts';
import { latchPolicy } from '../../relay/latching/index.ts';
import type { LatchPolicy } from '../../relay/latching/latch.ts';
import type { LocalRoutes } from '../../relay/local-addresses.ts';
import { OwnControl, type OwnControlFacts } from '../../relay/own-control.ts';
import type { Component, PlaneEvent, SessionId, Side } from '../../relay/plane.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { clockOffsetMs } from './clock.ts';
import { CopyRing } from './copy-ring.ts';
import type { Order, Report, WorkerBirth } from './messages.ts';
import type { Offload } from './offload.ts';
import { type LoopHost, PacketLoop } from './packet-loop.ts';
import { Slab } from './shared-session.ts';
import { SharedTotals } from './shared-totals.ts';
import type { Place } from './slab-places.ts';
import { type SessionHost, WorkerSession, WorkerSocket } from './worker-session.ts';
import { WorkerTotals } from './worker-totals.ts';

/** What this host's addresses are is asked of the system this often at most, ms. */
const ADDRESSES_KEPT_MS = 1000;

export class MediaWorker implements SessionHost, LoopHost {
  readonly io: PacketIo;
  readonly policy: LatchPolicy;
  readonly totals: WorkerTotals;
  readonly #port: MessagePort;
  readonly #shared: SharedTotals;
  readonly #loop: PacketLoop;
  readonly #slabs: Slab[];
  readonly #sessions = new Map<SessionId, WorkerSession>();
  readonly #clockShiftMs: number;
  readonly offload: Offload | undefined;
  #ownControl: OwnControl;
  #copies: CopyRing | undefined;
  /** What the control thread is told at the end of this round. */
  #reports: Report[] = [];

  /** @param openOffload what takes flows off the sockets, if anything does */
  constructor(
    io: PacketIo,
    port: MessagePort,
    birth: WorkerBirth,
    openOffload: (totals: WorkerTotals) => Offload | undefined = () => undefined,
  ) {
    this.io = io;
    this.#port = port;
    this.#shared = new SharedTotals(birth.totals);
    this.totals = new WorkerTotals(this.#shared);
    this.#slabs = birth.slabs.map((memory) => new Slab(memory));
    this.offload = openOffload(this.totals);
    this.#clockShiftMs = birth.clockOffsetMs - clockOffsetMs();
    this.#ownControl = this.#forbidden(birth.ownControl);
    this.policy = latchPolicy(birth.latching, (address, port) => this.#ownControl.includes(address, port));
    this.#loop = new PacketLoop(this, birth.epoll, birth.event);
  }

  /** Returns when it was told to stop. */
  run(): void {
    this.#report({ kind: 'ready' });
    this.turned();
    this.#loop.run();
    this.turned();
  }

  now(): number {
    return performance.now() + this.#clockShiftMs;
  }

  obey(): boolean {
    this.#shared.countTurn();
    if (!this.#shared.takeOrders()) {
      return true;
    }
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      for (const order of next.message as readonly Order[]) {
        if (order.kind === 'stop') {
          return false;
        }
        this.#obeyOne(order);
      }
    }
    return true;
  }

  turned(): void {
    if (this.#reports.length > 0) {
      this.#port.postMessage(this.#reports);
      this.#reports = [];
    }
  }

  event(event: PlaneEvent): void {
    this.#report({ kind: 'event', event });
  }

  copy(session: SessionId, side: Side, component: Component, packet: Uint8Array): void {
    const copies = this.#copies;
    if (copies?.write(session, side, component, packet, this.io.source) !== true) {
      this.totals.countLostCopy();
    } else if (copies.announce()) {
      this.#report({ kind: 'copies' });
    }
  }

  failed({ session, side }: WorkerSocket, errno: number): void {
    this.event({ kind: 'socket-error', session: session.id, side, cause: errorName(errno) });
  }

  #obeyOne(order: Exclude<Order, { kind: 'stop' }>): void {
    switch (order.kind) {
      case 'begin':
        this.#begin(order.session, order.place);
        break;
      case 'slab':
        this.#slabs.push(new Slab(order.memory));
        break;
      case 'copies':
        this.#copies = new CopyRing(order.memory);
        break;
      case 'own-control':
        this.#ownControl = this.#forbidden(order.facts);
        break;
      case 'network':
        this.offload?.reconsider();
        break;
      case 'fed':
        this.#fed(order.session);
        break;
      case 'end':
        this.#end(order.session);
        this.#report({ kind: 'released', ticket: order.ticket });
        break;
      default: {
        const session = this.#sessions.get(order.session);
        if (session !== undefined) {
          this.#change(session, order);
        }
      }
    }
  }

  #change(
    session: WorkerSession,
    order: Exclude<Order, { kind: 'stop' | 'slab' | 'begin' | 'copies' | 'network' | 'own-control' | 'end' | 'fed' }>,
  ) {
    const { side } = order;
    if (order.kind !== 'feed') {
      this.offload?.withdraw(session);
    }
    switch (order.kind) {
      case 'attach': {
        const { rtp, rtcp, local } = order.pair;
        this.#loop.unwatch(session.pairs[side]);
        const pair = {
          rtp: new WorkerSocket(rtp, session, side, 'rtp', local),
          rtcp: new WorkerSocket(rtcp, session, side, 'rtcp', { ...local, port: local.port + 1 }),
        };
        session.pairs[side] = pair;
        session.path.legOpened(side);
        this.#loop.watch(pair);
        if (order.ticket !== undefined) {
          this.#report({ kind: 'released', ticket: order.ticket });
        }
        break;
      }
      case 'peer':
        session.path.signal(this.now(), side, order.order);
        session.publish(side);
        break;
      case 'resume':
        session.path.resume(side, order.source, order.remote);
        session.publish(side);
        break;
      case 'tos':
        session.tos[side] = order.tos;
        break;
      case 'tap':
        session.path.tap(side, order.on);
        break;
      case 'mute':
        session.path.mute(side, order.on);
        break;
      case 'hide':
        session.path.hide(side, order.payloadType);
        break;
      case 'feed':
        session.feed(this.now(), side, order.component, order.packet);
        break;
      case 'packet-length':
        session.setPacketLength(side, order.ms);
        this.#loop.setResizing(session, session.path.resizes);
        break;
      default:
        assertNever(order);
    }
  }

  #begin(id: SessionId, { slab, place }: Place): void {
    const memory = this.#slabs[slab];
    if (memory === undefined) {
      throw new Error(`slab ${slab} was not told`);
    }
    this.#sessions.set(id, new WorkerSession(id, [memory.leg(place, 0), memory.leg(place, 1)], this));
  }

  #fed(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      this.offload?.withdraw(session);
      session.path.setFed();
    }
  }

  #end(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      this.offload?.end(session);
      this.#sessions.delete(id);
      this.#loop.setResizing(session, false);
      this.#loop.unwatch(session.pairs[0]);
      this.#loop.unwatch(session.pairs[1]);
    }
  }

  #report(report: Report): void {
    this.#reports.push(report);
  }

  #forbidden({ ports, addresses }: OwnControlFacts): OwnControl {
    return new OwnControl(ports, addresses, this.#routes);
  }

  /** Enough to know this host's own addresses. A packet may ask, so the system is asked rarely. */
  readonly #routes: LocalRoutes = {
    localAddressTowards: (peer) => (this.#ownAddresses().has(peer) ? peer : undefined),
  };

  #addresses = new Set<string>();
  #addressesUntil = Number.NEGATIVE_INFINITY;

  #ownAddresses(): ReadonlySet<string> {
    const now = this.now();
    if (now >= this.#addressesUntil) {
      this.#addressesUntil = now + ADDRESSES_KEPT_MS;
      this.#addresses = new Set(
        Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map(({ address }) => address)),
      );
    }
    return this.#addresses;
  }
}
