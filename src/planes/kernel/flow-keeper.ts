import { isFrom } from '../../relay/latching/latch.ts';
import type { FlowState } from '../../relay/media/flow-states.ts';
import { isPlausibleRtp, payloadTypeOf, ssrcOf } from '../../relay/media/packet.ts';
import type { PassedOn } from '../../relay/media/passed-on.ts';
import { otherSide, type SessionId } from '../../relay/plane.ts';
import { familyOf } from '../../wire/ip-address.ts';
import type { Offload } from '../native/offload.ts';
import { NO_PLACE, type SharedFlow } from '../native/shared-session.ts';
import type { WorkerSession, WorkerSocket } from '../native/worker-session.ts';
import type { Flow, FlowCounters, FlowHandle, FlowKey, InstallOutcome } from './flow.ts';
import type { Course, Way, Ways } from './ways.ts';

/** What a keeper needs of the table. */
export interface Flows {
  install(key: FlowKey, flow: Flow): InstallOutcome;
  remove(key: FlowKey): FlowCounters | undefined;
}

export interface KeeperHost {
  readonly flows: Flows;
  readonly ways: Pick<Ways, 'find' | 'forget'>;
  /** What turns the clock of FlowCounters into that of the path, ms. */
  readonly clockOffsetMs: number;
  /** Packets that the kernel has passed on are counted here from now on; `act` counts them in their path. */
  join(packets: number, act: () => void): void;
}

/** A stream that has changed its SSRC or payload type is taken off again after so many equal packets in a row. */
const STEADY_PACKETS = 3;

/** So many packets of a flow in a row at the socket, while the kernel sees none: another payload type, SSRC, or nothing. */
const STRAY_PACKETS = 25;

/** The clock of a dynamic payload type is learned from so many packets at most; after that it is taken to be telephony's. */
const LEARNING_PACKETS = 50;
const DEFAULT_CLOCK_HZ = 8000;

/** After a try that failed the next one waits, ms; each time twice as long. */
const FIRST_WAIT_MS = 10;
const MAX_WAIT_MS = 30_000;

class LegFlow {
  readonly socket: WorkerSocket;
  readonly shared: SharedFlow;
  handle: FlowHandle | undefined;
  way: Way | undefined;
  course: Course | undefined;
  ssrc = -1;
  payloadType = -1;
  /** Equal packets in a row at the socket. */
  equal = 0;
  /** Packets in a row at the socket that the kernel was to pass on, and what it had passed on before them. */
  stray = 0;
  passed = 0;
  /** Packets that came before may wait in the socket: it is to be read until it is empty. */
  isSettling = false;
  /** What had been left to the socket before the look that may find it empty. */
  leftBefore = 0;
  /** The socket was found empty since the last stray packet: the kernel had its chance with the next one. */
  wasEmptied = false;
  /** The program did not see its packets when it was tried last. */
  isUnseen = false;
  waitMs = FIRST_WAIT_MS;
  retryAt = Number.NEGATIVE_INFINITY;
  /** Was replaced because another SSRC or type came: from now on only steady streams are taken. */
  wasReplaced = false;

  constructor(socket: WorkerSocket) {
    this.socket = socket;
    this.shared = socket.session.shared[socket.side].flow;
  }
}

/**
 * Decides for each leg of a worker's sessions whether the kernel passes its RTP on, installs a flow once everything about
 * it is known, and takes it back before anything changes. All flows that a keeper installed are its own.
 *
 * ```
 *   SOCKET ──── a packet of the party has left, all is known ────► SETTLING ──── the socket is empty ────► KERNEL
 *     ▲                                                               │                                      │
 *     └─────────────── an order, another latch, another way, the end, strays ────────────────────────────────┘
 * ```
 *
 * SETTLING: the flow is in the table, and packets go to the socket as long as one that came before waits there, so that
 * none overtakes another.
 */
export class FlowKeeper implements Offload {
  readonly #host: KeeperHost;
  readonly #legs = new Map<SessionId, [LegFlow | undefined, LegFlow | undefined]>();

  constructor(host: KeeperHost) {
    this.#host = host;
  }

  arriving(socket: WorkerSocket): void {
    const leg = this.#find(socket);
    if (leg?.handle !== undefined) {
      this.#join(leg, leg.handle.counters());
    }
  }

  handled(now: number, socket: WorkerSocket, packet: Uint8Array, address: string, port: number): void {
    const leg = this.#leg(socket);
    const { handle } = leg;
    if (handle !== undefined) {
      if (isFrom(handle.key.remote, address, port)) {
        leg.isSettling = true;
        this.#watchStray(now, leg, handle, packet);
      }
      return;
    }
    const { session, side } = socket;
    const straight = session.path.straightWay(side);
    if (typeof straight === 'string') {
      leg.shared.set(straight, NO_PLACE);
      return;
    }
    if (!isFrom(straight.from, address, port)) {
      return;
    }
    if (!isPlausibleRtp(packet)) {
      if (leg.ssrc === -1) {
        leg.shared.set('not-rtp', NO_PLACE);
      }
      return;
    }
    const isEqual = ssrcOf(packet) === leg.ssrc && payloadTypeOf(packet) === leg.payloadType;
    leg.equal = isEqual ? leg.equal + 1 : 1;
    leg.ssrc = ssrcOf(packet);
    leg.payloadType = payloadTypeOf(packet);
    if (now < leg.retryAt) {
      return;
    }
    if (leg.wasReplaced && leg.equal < STEADY_PACKETS) {
      leg.shared.set('unsteady', NO_PLACE);
      return;
    }
    if (session.path.counters(side).analysis.clockHz === 0 && leg.equal < LEARNING_PACKETS) {
      leg.shared.set('learning', NO_PLACE);
      return;
    }
    const exit = session.pairs[otherSide(side)]?.rtp;
    if (exit !== undefined) {
      const tos = session.tos[otherSide(side)] ?? 0;
      this.#try(
        now,
        leg,
        {
          from: straight.from,
          entrance: socket.local,
          exit: exit.local,
          to: straight.to,
          tos,
        },
        packet.length,
      );
    }
  }

  wantsEmpty(socket: WorkerSocket): boolean {
    const leg = this.#find(socket);
    if (leg?.handle === undefined || !leg.isSettling) {
      return false;
    }
    leg.leftBefore = leg.handle.left;
    return true;
  }

  emptied(socket: WorkerSocket): void {
    const leg = this.#find(socket);
    if (leg?.handle !== undefined && leg.isSettling) {
      leg.handle.settleAll(leg.leftBefore);
      leg.isSettling = leg.handle.left !== leg.leftBefore;
      leg.wasEmptied ||= !leg.isSettling;
    }
  }

  withdraw(session: WorkerSession): void {
    for (const leg of this.#legs.get(session.id) ?? []) {
      if (leg !== undefined) {
        this.#remove(leg, 'unknown-source');
        leg.retryAt = Number.NEGATIVE_INFINITY;
        leg.waitMs = FIRST_WAIT_MS;
      }
    }
  }

  end(session: WorkerSession): void {
    this.withdraw(session);
    this.#legs.delete(session.id);
  }

  reconsider(): void {
    this.#host.ways.forget();
    for (const legs of this.#legs.values()) {
      for (const leg of legs) {
        if (leg !== undefined) {
          leg.retryAt = Number.NEGATIVE_INFINITY;
          leg.waitMs = FIRST_WAIT_MS;
          if (leg.course !== undefined && leg.handle !== undefined) {
            this.#checkWay(leg, this.#host.ways.find(leg.course));
          }
        }
      }
    }
  }

  #checkWay(leg: LegFlow, way: Way | FlowState): void {
    if (typeof way === 'string') {
      this.#remove(leg, way);
    } else if (way.outIfindex !== leg.way?.outIfindex || way.nextHop !== leg.way.nextHop || way.mtu !== leg.way.mtu) {
      // The next packet finds the new way.
      this.#remove(leg, 'no-route');
    }
  }

  #find({ session, side }: WorkerSocket): LegFlow | undefined {
    return this.#legs.get(session.id)?.[side];
  }

  #farOf({ socket: { session, side } }: LegFlow): LegFlow | undefined {
    return this.#legs.get(session.id)?.[otherSide(side)];
  }

  #leg(socket: WorkerSocket): LegFlow {
    const { session, side } = socket;
    let legs = this.#legs.get(session.id);
    if (legs === undefined) {
      legs = [undefined, undefined];
      this.#legs.set(session.id, legs);
    }
    let leg = legs[side];
    if (leg === undefined || leg.socket !== socket) {
      if (leg !== undefined) {
        this.#remove(leg, 'unknown-source');
      }
      leg = new LegFlow(socket);
      legs[side] = leg;
    }
    return leg;
  }

  #try(now: number, leg: LegFlow, course: Course, payloadBytes: number): void {
    const far = this.#farOf(leg);
    const isFarUnseen = far?.isUnseen === true && now < far.retryAt;
    const way = isFarUnseen ? 'unseen' : this.#host.ways.find(course);
    if (typeof way === 'string') {
      this.#wait(now, leg, way);
      return;
    }
    if (isTooLong(payloadBytes, course, way)) {
      this.#wait(now, leg, 'too-long');
      return;
    }
    const { payloadType, ssrc } = leg;
    const key: FlowKey = { family: familyOf(course.from.address) ?? 4, local: course.entrance, remote: course.from };
    const flow: Flow = {
      ...way,
      source: course.exit,
      destination: course.to,
      ssrc,
      payloadTypes: [payloadType],
      clockRateHz: leg.socket.session.path.counters(leg.socket.side).analysis.clockHz || DEFAULT_CLOCK_HZ,
      tos: course.tos,
      mark: 0,
      keepOrder: true,
    };
    const outcome = this.#host.flows.install(key, flow);
    if (outcome.kind === 'refused') {
      this.#wait(now, leg, outcome.reason === 'full' ? 'full' : 'refused');
      return;
    }
    leg.shared.joint.clear();
    leg.handle = outcome.handle;
    leg.way = way;
    leg.course = course;
    leg.stray = 0;
    leg.passed = 0;
    leg.isSettling = true;
    leg.leftBefore = 0;
    leg.wasEmptied = false;
    leg.isUnseen = false;
    leg.shared.set('kernel', outcome.handle.slot);
  }

  #wait(now: number, leg: LegFlow, state: FlowState): void {
    leg.shared.set(state, NO_PLACE);
    leg.retryAt = now + leg.waitMs;
    leg.waitMs = Math.min(MAX_WAIT_MS, leg.waitMs * 2);
  }

  /** A packet of a flow that is installed, at the socket all the same. */
  #watchStray(now: number, leg: LegFlow, handle: FlowHandle, packet: Uint8Array): void {
    const isOther = isPlausibleRtp(packet) && ssrcOf(packet) !== leg.ssrc;
    const isOtherType = isPlausibleRtp(packet) && payloadTypeOf(packet) !== leg.payloadType;
    if (!isOther && !isOtherType && !leg.wasEmptied) {
      // A worker with too much to do finds many that were there before the flow, and more that were held behind them.
      return;
    }
    leg.wasEmptied = false;
    const { packets } = handle.counters();
    leg.stray = packets === leg.passed ? leg.stray + 1 : 1;
    leg.passed = packets;
    if (leg.stray < (isOther ? STEADY_PACKETS : STRAY_PACKETS)) {
      return;
    }
    const { course, way } = leg;
    const isLong = course !== undefined && way !== undefined && isTooLong(packet.length, course, way);
    const state =
      isOther || isOtherType ? 'unsteady' : !isPlausibleRtp(packet) ? 'not-rtp' : isLong ? 'too-long' : 'unseen';
    this.#remove(leg, state);
    leg.isUnseen = state === 'unseen';
    leg.wasReplaced = true;
    leg.equal = 0;
    if (state === 'unsteady' && packets > 0) {
      leg.waitMs = FIRST_WAIT_MS;
    }
    this.#wait(now, leg, state);
    if (state !== 'unsteady') {
      leg.retryAt = now + MAX_WAIT_MS;
    }
    const far = this.#farOf(leg);
    if (state === 'unseen' && far?.handle !== undefined) {
      // A NAT that changes what the party sends has to change what it is sent as well.
      this.#remove(far, state);
      far.retryAt = leg.retryAt;
    }
  }

  #remove(leg: LegFlow, state: FlowState): void {
    const { handle } = leg;
    if (handle === undefined) {
      return;
    }
    leg.handle = undefined;
    leg.isSettling = false;
    const last = this.#host.flows.remove(handle.key) ?? handle.counters();
    this.#join(leg, last);
    leg.shared.set(state, NO_PLACE);
  }

  #join(leg: LegFlow, counters: FlowCounters): void {
    const { shared, socket } = leg;
    const { joint } = shared;
    const packets = counters.packets - joint.packets;
    if (packets > 0) {
      const stretch = inPathTime(counters, this.#host.clockOffsetMs);
      this.#host.join(packets, () => shared.change(() => socket.session.path.join(socket.side, stretch, joint)));
    }
  }
}

/** With the headers of IP, without options, and UDP. */
function isTooLong(payloadBytes: number, { to }: Course, { mtu }: Way): boolean {
  return payloadBytes + (familyOf(to.address) === 6 ? 40 : 20) + 8 > mtu;
}

/** The same with instants of the path's clock. */
export function inPathTime(counters: FlowCounters, clockOffsetMs: number): PassedOn {
  return { ...counters, lastSeenAt: counters.lastSeenAt + clockOffsetMs };
}
