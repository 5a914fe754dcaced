import type { Socket } from 'node:dgram';
import type { LatchPolicy } from '../../relay/latching/latch.ts';
import type { PacketKind } from '../../relay/media/kinds.ts';
import { MediaPath, type PacketSink } from '../../relay/media/path.ts';
import { Resizer } from '../../relay/media/resizer.ts';
import type {
  Component,
  LegReport,
  MediaPlane,
  PairRequest,
  PeerOrder,
  PlaneListener,
  PlaneTotals,
  SessionId,
  Side,
} from '../../relay/plane.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { failureOf } from '../pair-failure.ts';
import { PortableTotals } from './portable-totals.ts';
import { bindUdp } from './udp-socket.ts';

export interface PortablePlaneOptions {
  readonly listener: PlaneListener;
  readonly policy: LatchPolicy;
}

/** How often audio that waits for the rest of its packet is looked at. */
const FLUSH_INTERVAL_MS = 10;

type Pair = Readonly<Record<Component, Socket>>;

/** The packets of every session on node:dgram sockets of this thread: works everywhere, needs no privilege. */
export class PortablePlane implements MediaPlane {
  readonly name = 'portable';
  /** node:dgram has no socket option for it. */
  readonly canSetTos = false;
  readonly #options: PortablePlaneOptions;
  readonly #sessions = new Map<SessionId, PortableSession>();
  readonly #totals = new PortableTotals();

  /** Sessions whose packets are cut: what waits in them has a time limit. */
  readonly #resizing = new Set<PortableSession>();
  #flushing: NodeJS.Timeout | undefined;

  constructor(options: PortablePlaneOptions) {
    this.#options = options;
  }

  get totals(): PlaneTotals {
    return this.#totals;
  }

  leg(session: SessionId, side: Side): LegReport | undefined {
    const path = this.#sessions.get(session)?.path;
    return path === undefined ? undefined : { counters: path.counters(side), remote: path.remote(side) };
  }

  open(request: PairRequest): void {
    const session = this.#session(request.session);
    openPair(request).then(
      (pair) => {
        if (this.#sessions.get(request.session) === session) {
          session.attach(request.side, pair);
          this.#options.listener.pairOpened(request, { kind: 'opened' });
        } else {
          closePair(pair);
          const cause = 'the session ended meanwhile';
          this.#options.listener.pairOpened(request, { kind: 'failed', reason: 'other', cause });
        }
      },
      (error: NodeJS.ErrnoException) => {
        const reason = failureOf(error.code);
        this.#options.listener.pairOpened(request, { kind: 'failed', reason, cause: error.message });
      },
    );
  }

  setPeer(session: SessionId, side: Side, order: PeerOrder): void {
    this.#session(session).path.signal(performance.now(), side, order);
  }

  setTos(): void {
    // Accepted for the sake of the interface: see canSetTos.
  }

  tap(session: SessionId, side: Side, on: boolean): void {
    this.#sessions.get(session)?.path.tap(side, on);
  }

  setPacketLength(id: SessionId, side: Side, ms: number): void {
    const session = this.#session(id);
    session.path.setResizer(side, ms === 0 ? undefined : new Resizer(ms, this.#totals.resizer));
    if (session.path.resizes) {
      this.#resizing.add(session);
      this.#flushing ??= setInterval(() => this.#flush(), FLUSH_INTERVAL_MS);
    } else {
      this.#stopResizing(session);
    }
  }

  mute(session: SessionId, side: Side, on: boolean): void {
    this.#sessions.get(session)?.path.mute(side, on);
  }

  hide(session: SessionId, side: Side, payloadType: number | undefined): void {
    this.#sessions.get(session)?.path.hide(side, payloadType);
  }

  setFed(session: SessionId): void {
    this.#sessions.get(session)?.path.setFed();
  }

  feed(id: SessionId, side: Side, component: Component, packet: Uint8Array): void {
    const session = this.#sessions.get(id);
    session?.path.feed(performance.now(), side, component, packet, session);
  }

  play(session: SessionId, side: Side, packet: Uint8Array): boolean {
    return this.#sessions.get(session)?.play(side, packet) ?? false;
  }

  end(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      session.close();
      this.#sessions.delete(id);
      this.#stopResizing(session);
    }
  }

  /** All is done when it is said. */
  commit(): void {}

  async close(): Promise<void> {
    for (const session of [...this.#sessions.keys()]) {
      this.end(session);
    }
  }

  #stopResizing(session: PortableSession): void {
    this.#resizing.delete(session);
    if (this.#resizing.size === 0) {
      clearInterval(this.#flushing);
      this.#flushing = undefined;
    }
  }

  #flush(): void {
    const now = performance.now();
    for (const session of this.#resizing) {
      if (session.path.dueAt <= now) {
        session.path.flush(now, session);
      }
    }
  }

  #session(id: SessionId): PortableSession {
    let session = this.#sessions.get(id);
    if (session === undefined) {
      session = new PortableSession(id, this.#options, this.#totals);
      this.#sessions.set(id, session);
    }
    return session;
  }
}

/** The four sockets of one session, and the way between them. */
class PortableSession implements PacketSink {
  readonly path: MediaPath;
  readonly #id: SessionId;
  readonly #listener: PlaneListener;
  readonly #totals: PortableTotals;
  readonly #pairs: [Pair | undefined, Pair | undefined] = [undefined, undefined];

  constructor(id: SessionId, options: PortablePlaneOptions, totals: PortableTotals) {
    this.path = new MediaPath(options.policy);
    this.#id = id;
    this.#listener = options.listener;
    this.#totals = totals;
  }

  attach(side: Side, pair: Pair): void {
    closePair(this.#pairs[side]);
    this.#pairs[side] = pair;
    for (const component of ['rtp', 'rtcp'] as const) {
      pair[component].on('message', (packet, { address, port }) => {
        if (this.path.complete) {
          this.#totals.received += 1;
        }
        this.path.receive(performance.now(), side, component, packet, address, port, this);
      });
      pair[component].on('error', (error) => {
        this.#totals.countError(error);
        this.#listener.event({ kind: 'socket-error', session: this.#id, side, cause: error.message });
      });
    }
    this.path.legOpened(side);
  }

  close(): void {
    for (const side of [0, 1] as const) {
      closePair(this.#pairs[side]);
      this.#pairs[side] = undefined;
    }
  }

  play(side: Side, packet: Uint8Array): boolean {
    const socket = this.#pairs[side]?.rtp;
    const to = this.path.remote(side);
    if (socket === undefined || to === undefined || to.port === 0) {
      return false;
    }
    this.#totals.played += 1;
    this.path.counters(side).lastPlayedAt = performance.now();
    socket.send(packet, 0, packet.length, to.port, to.address, this.#sent);
    return true;
  }

  forward(side: Side, component: Component, packet: Uint8Array, to: TransportAddress): void {
    const socket = this.#pairs[side]?.[component];
    if (socket !== undefined) {
      this.#totals.relayed += 1;
      socket.send(packet, 0, packet.length, to.port, to.address, this.#sent);
    }
  }

  latched(side: Side, component: Component, remote: TransportAddress): void {
    this.#listener.event({ kind: 'latched', session: this.#id, side, component, remote });
  }

  firstPacket(side: Side, remote: TransportAddress): void {
    this.#listener.event({ kind: 'first-packet', session: this.#id, side, remote });
  }

  tapped(side: Side, component: Component, packet: Uint8Array, source: TransportAddress): void {
    this.#listener.packet(this.#id, side, component, packet, source);
  }

  contested(side: Side, remote: TransportAddress): void {
    this.#listener.event({ kind: 'contested', session: this.#id, side, remote });
  }

  discarded(): void {
    this.#totals.discarded += 1;
  }

  refused(kind: PacketKind): void {
    this.#totals.countRefused(kind);
  }

  restored(count: number): void {
    this.#totals.countRefused('rtp', -count);
  }

  /** One function for all packets. A refused send (EMSGSIZE, EPERM, ENETUNREACH …) is a lost packet, no more. */
  readonly #sent = (error: NodeJS.ErrnoException | null): void => {
    if (error !== null) {
      this.#totals.countError(error);
    }
  };
}

/** RTP and RTCP together or not at all. */
async function openPair({ address, port, family }: PairRequest): Promise<Pair> {
  const rtp = await bindUdp(address, port, family);
  try {
    return { rtp, rtcp: await bindUdp(address, port + 1, family) };
  } catch (error) {
    rtp.close();
    throw error;
  }
}

function closePair(pair: Pair | undefined): void {
  pair?.rtp.close();
  pair?.rtcp.close();
}
