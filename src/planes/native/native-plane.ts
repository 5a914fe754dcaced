import { availableParallelism } from 'node:os';
import { MediaSockets, type SystemRefusal } from '../../linux/media-socket.ts';
import type { Log } from '../../observe/log.ts';
import type { LatchSettings } from '../../relay/latching/index.ts';
import type { OwnControl } from '../../relay/own-control.ts';
import type {
  Component,
  LegReport,
  MediaPlane,
  PairOutcome,
  PairRequest,
  PeerOrder,
  PlaneListener,
  PlaneTotals,
  SessionId,
  Side,
} from '../../relay/plane.ts';
import { failureOf } from '../pair-failure.ts';
import { HangWatch, LOOK_MS } from './hang-watch.ts';
import { NativeSession } from './native-session.ts';
import type { OffloadControl } from './offload.ts';
import { OffloadedFlows } from './offloaded-flows.ts';
import { type OpenPair, PortPairs } from './port-pairs.ts';
import { Replacement } from './replacement.ts';
import { SummedTotals } from './shared-totals.ts';
import { WorkerHandle } from './worker-handle.ts';

export interface NativePlaneOptions {
  readonly latching: LatchSettings;
  readonly ownControl: OwnControl;
  readonly log: Log;
  /** TOS of every leg that no command gives another, 0–255; undefined: the system's. */
  readonly tos: number | undefined;
  /** Media threads give up every capability that they can do without; the process must not change its user then. */
  readonly dropsRights?: boolean;
  /** Threads that move packets; default: one a processor, at most MAX_WORKERS. */
  readonly workers?: number | undefined;
  /** What takes flows off the sockets. */
  readonly offload?: OffloadControl | undefined;
  /** How often threads are looked at whether they are stuck, ms; for tests. */
  readonly lookMs?: number;
}

/** More than this one rarely pays: a worker moves some 100 000 packets a second. */
const MAX_WORKERS = 4;

const ENDED_MEANWHILE: PairOutcome = { kind: 'failed', reason: 'other', cause: 'the session ended meanwhile' };

const NO_LISTENER: PlaneListener = { pairOpened: () => {}, event: () => {}, packet: () => {} };

/** How many threads it will have. */
export function workerCount({ workers }: Pick<NativePlaneOptions, 'workers'>): number {
  return workers ?? Math.min(availableParallelism(), MAX_WORKERS);
}

/**
 * The packets of every session in worker threads, each of which waits for its sockets with epoll. This thread opens
 * and closes sockets, gives orders and reads counters; it touches no packet but those of prompts.
 */
export class NativePlane implements MediaPlane {
  readonly name: 'native' | 'kernel';
  readonly canSetTos = true;
  readonly #options: NativePlaneOptions;
  readonly #sockets: MediaSockets;
  readonly #pairs: PortPairs;
  readonly #workers: readonly WorkerHandle[];
  /** Their workers have not obeyed the end yet: what the kernel has passed on of them is counted here until they do. */
  readonly #ending = new Set<NativeSession>();
  readonly #replacement: Replacement;
  readonly #hangWatch = new HangWatch<WorkerHandle>();
  #looking: NodeJS.Timeout | undefined;
  readonly #sessions = new Map<SessionId, NativeSession>();
  readonly #flows: OffloadedFlows;
  readonly #totals: SummedTotals;
  #listener = NO_LISTENER;

  private constructor(options: NativePlaneOptions, sockets: MediaSockets) {
    this.#options = options;
    this.name = options.offload === undefined ? 'native' : 'kernel';
    this.#sockets = sockets;
    this.#pairs = new PortPairs(sockets);
    const { latching, ownControl, log, offload, dropsRights = false } = options;
    const settings = { latching, ownControl: () => ownControl.facts, offload, dropsRights };
    this.#replacement = new Replacement(log, (worker) => this.#restart(worker));
    const listener = {
      event: (event: Parameters<PlaneListener['event']>[0]) => this.#listener.event(event),
      copied: (...copy: Parameters<PlaneListener['packet']>) => this.#listener.packet(...copy),
      lost: (worker: WorkerHandle, cause: string) => {
        this.#flows.rejoin(worker);
        this.#replacement.lost(worker, cause);
      },
    };
    this.#flows = new OffloadedFlows(offload, this.#sessions, this.#ending);
    const count = workerCount(options);
    this.#workers = Array.from({ length: count }, (_, number) => new WorkerHandle(number, sockets, settings, listener));
    const totals = this.#workers.map((worker) => worker.totals);
    this.#totals = new SummedTotals(() => totals, {
      pending: () => this.#flows.pending(),
      flows: () => this.#flows.states(),
    });
    ownControl.onChange(() => this.#tellOwnControl());
  }

  /** A text instead says why this plane does not work here; nothing is left open then. Never rejects. */
  static async start(options: NativePlaneOptions): Promise<NativePlane | string> {
    const sockets = MediaSockets.load();
    if (sockets === undefined) {
      return 'koffi has no binary for this system';
    }
    const plane = new NativePlane(options, sockets);
    const [first, ...others] = plane.#workers;
    const reason = await first?.start();
    if (reason !== undefined) {
      await plane.close();
      return reason;
    }
    plane.#looking = setInterval(() => plane.#endStuck(), options.lookMs ?? LOOK_MS).unref();
    // Where one works the others do, and nobody waits for them.
    for (const worker of others) {
      void plane.#replacement.start(worker);
    }
    return plane;
  }

  /** Who is told from now on. */
  listen(listener: PlaneListener): this {
    this.#listener = listener;
    return this;
  }

  get totals(): PlaneTotals {
    return this.#totals;
  }

  /** For tests: the threads that packets are moved by. */
  get workers(): readonly WorkerHandle[] {
    return this.#workers;
  }

  get hasSessions(): boolean {
    return this.#sessions.size > 0;
  }

  leg(session: SessionId, side: Side): LegReport | undefined {
    return this.#sessions.get(session)?.report(side, this.#options.offload);
  }

  open(request: PairRequest): void {
    const session = this.#session(request.session);
    const closed = this.#pairs.closingOf(request.port);
    if (closed !== undefined) {
      void closed.then(() => this.#listener.pairOpened(request, this.#open(session, request)));
      return;
    }
    const outcome = this.#open(session, request);
    if (outcome.kind === 'failed' && outcome.reason === 'no-descriptors' && this.#pairs.areClosing) {
      // A session has ended whose sockets its worker has not let go yet.
      void this.#pairs.allClosed().then(() => this.#listener.pairOpened(request, this.#open(session, request)));
      return;
    }
    queueMicrotask(() => this.#listener.pairOpened(request, this.#has(session) ? outcome : ENDED_MEANWHILE));
  }

  setPeer(session: SessionId, side: Side, order: PeerOrder): void {
    this.#session(session).signal(side, order);
  }

  setTos(id: SessionId, side: Side, tos: number): void {
    const leg = this.#session(id).legs[side];
    leg.tos = tos;
    if (leg.pair !== undefined) {
      this.#pairs.mark(leg.pair, tos);
    }
    this.#session(id).worker.order({ kind: 'tos', session: id, side, tos });
  }

  tap(id: SessionId, side: Side, on: boolean): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      session.legs[side].tapped = on;
      if (on) {
        session.worker.prepareCopies();
      } else {
        // What has been accepted until now belongs to the recording.
        session.worker.takeCopies();
      }
      session.worker.order({ kind: 'tap', session: id, side, on });
    }
  }

  setPacketLength(id: SessionId, side: Side, ms: number): void {
    const session = this.#session(id);
    session.legs[side].packetMs = ms;
    session.worker.order({ kind: 'packet-length', session: id, side, ms });
  }

  mute(id: SessionId, side: Side, on: boolean): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      session.legs[side].muted = on;
      session.worker.order({ kind: 'mute', session: id, side, on });
    }
  }

  hide(id: SessionId, side: Side, payloadType: number | undefined): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      session.legs[side].hidden = payloadType;
      session.worker.order({ kind: 'hide', session: id, side, payloadType });
    }
  }

  setFed(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      session.isFed = true;
      session.worker.order({ kind: 'fed', session: id });
    }
  }

  feed(id: SessionId, side: Side, component: Component, packet: Uint8Array): void {
    this.#sessions.get(id)?.worker.order({ kind: 'feed', session: id, side, component, packet });
  }

  play(id: SessionId, side: Side, packet: Uint8Array): boolean {
    const session = this.#sessions.get(id);
    const to = session?.remote(side);
    const leg = session?.legs[side];
    if (leg?.pair === undefined || to === undefined || to.port === 0) {
      return false;
    }
    this.#totals.played += 1;
    leg.shared.counters.lastPlayedAt = performance.now();
    const error = this.#sockets.send(leg.pair.rtp, packet, to);
    if (error !== undefined) {
      this.#totals.countPlayError(error);
    }
    return true;
  }

  end(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined) {
      return;
    }
    this.#sessions.delete(id);
    const { worker } = session;
    worker.load -= 1;
    const pairs = session.legs.flatMap(({ pair }) => (pair === undefined ? [] : [pair]));
    const close = this.#pairs.closeLater(pairs);
    this.#ending.add(session);
    const released = () => {
      this.#ending.delete(session);
      worker.releasePlace(session.place);
      close();
    };
    worker.order({ kind: 'end', session: id, ticket: worker.ticket(released) });
  }

  commit(): void {
    for (const worker of this.#workers) {
      worker.commit();
    }
  }

  async close(): Promise<void> {
    for (const session of [...this.#sessions.keys()]) {
      this.end(session);
    }
    this.#replacement.close();
    clearInterval(this.#looking);
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    this.#options.offload?.close();
  }

  /** Routes, neighbours or interfaces have changed. */
  networkChanged(): void {
    for (const worker of this.#workers) {
      worker.order({ kind: 'network' });
    }
  }

  /** A thread that is stuck is ended as one that died: another one takes its sessions. */
  #endStuck(): void {
    for (const worker of this.#hangWatch.look(this.#workers)) {
      this.#options.log.error({ count: worker.load }, 'a media thread has not turned for seconds; it is ended');
      void worker.kill();
    }
  }

  #session(id: SessionId): NativeSession {
    let session = this.#sessions.get(id);
    if (session === undefined) {
      const running = this.#workers.filter(({ isRunning }) => isRunning);
      const worker = (running.length > 0 ? running : this.#workers).reduce((least, other) =>
        other.load < least.load ? other : least,
      );
      session = new NativeSession(id, worker, this.#options.tos);
      worker.load += 1;
      this.#sessions.set(id, session);
      this.#tellAll(session);
    }
    return session;
  }

  #has(session: NativeSession): boolean {
    return this.#sessions.get(session.id) === session;
  }

  #open(session: NativeSession, request: PairRequest): PairOutcome {
    if (!this.#has(session)) {
      return ENDED_MEANWHILE;
    }
    let pair: OpenPair;
    try {
      pair = this.#pairs.open(request);
    } catch (error) {
      const { code, message } = error as SystemRefusal;
      return { kind: 'failed', reason: failureOf(code), cause: message };
    }
    const leg = session.legs[request.side];
    const replaced = leg.pair;
    leg.pair = pair;
    if (leg.tos !== undefined) {
      this.#pairs.mark(pair, leg.tos);
    }
    this.#attach(session, request.side, pair, replaced && this.#pairs.closeLater([replaced]));
    return { kind: 'opened' };
  }

  #attach(session: NativeSession, side: Side, open: OpenPair, released?: () => void): void {
    const { id, worker } = session;
    const { rtp, rtcp, family, local } = open;
    const pair = { rtp, rtcp, family, local };
    worker.order({ kind: 'attach', session: id, side, pair, ticket: released && worker.ticket(released) });
  }

  #tellAll(session: NativeSession): void {
    if (session.legs.some(({ tapped }) => tapped)) {
      session.worker.prepareCopies();
    }
    for (const order of session.orders) {
      session.worker.order(order);
    }
    for (const side of [0, 1] as const) {
      const { pair } = session.legs[side];
      if (pair !== undefined) {
        this.#attach(session, side, pair);
      }
    }
  }

  /** A new thread takes the sessions of a dead one, whose sockets have kept what came meanwhile. */
  async #restart(worker: WorkerHandle): Promise<string | undefined> {
    const started = worker.start();
    for (const session of this.#sessions.values()) {
      if (session.worker === worker) {
        this.#tellAll(session);
      }
    }
    return await started;
  }

  #tellOwnControl(): void {
    const { facts } = this.#options.ownControl;
    for (const worker of this.#workers) {
      worker.order({ kind: 'own-control', facts });
    }
  }
}
