import type { PacketIo } from '../../linux/packet-io.ts';
import type { SessionId } from '../../relay/plane.ts';
import { AddressBook, portOf } from './addresses.ts';
import type { Offload } from './offload.ts';
import type { SocketPair, WorkerSession, WorkerSocket } from './worker-session.ts';
import type { WorkerTotals } from './worker-totals.ts';

/** What the loop needs of its worker. */
export interface LoopHost {
  readonly io: PacketIo;
  readonly totals: WorkerTotals;
  readonly offload: Offload | undefined;
  /** Monotonic ms of the control thread's clock. */
  now(): number;
  /** Obeys the orders that wait; false: the worker is to stop. */
  obey(): boolean;
  /** All that came in this round has been served. */
  turned(): void;
  failed(socket: WorkerSocket, errno: number): void;
}

/** The key of the eventfd by which orders are announced. */
const ORDERS_KEY = 0;

/** Without packets and orders the loop turns this often, ms. */
const IDLE_MS = 1000;

/** How often audio that waits for the rest of its packet is looked at, ms. */
const FLUSH_MS = 10;

/** A socket whose receives fail so often in a row is left alone for REST_MS: a fault that stays must not keep us busy. */
const MAX_FAILURES = 32;
const REST_MS = 1000;

/** Packets of one socket in a row, where it is to be empty. */
const MAX_IN_A_ROW = 32;

/** Lengths up to this have a view of their own, made once; longer packets are rare. */
const MAX_KEPT_VIEWS = 2048;

/**
 * From this rate on, packets a millisecond, a round that found few sockets ready is followed by a pause, so that the
 * next one finds more: a wake-up for each packet costs more than the packet. At lower rates nobody waits.
 */
const BUSY_RATE = 8;
const FEW = 16;
const PAUSE_US = 500;

/** The rate is looked at this often, ms. */
const RATE_WINDOW_MS = 20;

const EAGAIN = 11;
const EINTR = 4;

/** Waits for packets and orders, and handles one packet of each socket that is ready in turn. */
export class PacketLoop {
  readonly #host: LoopHost;
  readonly #io: PacketIo;
  readonly #epoll: number;
  readonly #event: number;
  readonly #book = new AddressBook();
  /** By key; the first place is that of the eventfd. A free place holds undefined. */
  readonly #sockets: (WorkerSocket | undefined)[] = [undefined];
  readonly #freeKeys: number[] = [];
  readonly #resting = new Map<WorkerSocket, number>();
  readonly #resizing = new Map<SessionId, WorkerSession>();
  #served = 0;
  #windowAt = 0;
  #isBusy = false;
  readonly #views: (Uint8Array | undefined)[] = new Array(MAX_KEPT_VIEWS).fill(undefined);

  /** @throws Error when the eventfd cannot be watched */
  constructor(host: LoopHost, epoll: number, event: number) {
    this.#host = host;
    this.#io = host.io;
    this.#epoll = epoll;
    this.#event = event;
    const error = host.io.watch(epoll, event, ORDERS_KEY);
    if (error !== 0) {
      throw new Error(`epoll_ctl: error ${error}`);
    }
  }

  watch({ rtp, rtcp }: SocketPair): void {
    this.#watch(rtp);
    this.#watch(rtcp);
  }

  /** Afterwards the loop does not touch the sockets any more. */
  unwatch(pair: SocketPair | undefined): void {
    for (const socket of pair === undefined ? [] : [pair.rtp, pair.rtcp]) {
      this.#io.unwatch(this.#epoll, socket.fd);
      this.#resting.delete(socket);
      this.#sockets[socket.key] = undefined;
      this.#freeKeys.push(socket.key);
    }
  }

  /** Whether audio of the session may wait for the rest of its packet. */
  setResizing(session: WorkerSession, on: boolean): void {
    if (on) {
      this.#resizing.set(session.id, session);
    } else {
      this.#resizing.delete(session.id);
    }
  }

  /** Returns when the host's `obey` says so. */
  run(): void {
    let flushAt = 0;
    for (;;) {
      const ready = this.#io.wait(this.#epoll, this.#resizing.size > 0 ? FLUSH_MS : IDLE_MS);
      this.#clearAnnouncement(ready);
      // Orders first: they were given before the packets of this round were sent by those who saw the answers.
      if (!this.#host.obey()) {
        return;
      }
      for (let event = 0; event < ready; event += 1) {
        const key = this.#io.keyOf(event);
        const socket = this.#sockets[key];
        if (socket !== undefined) {
          this.#serve(socket);
        }
      }
      const now = this.#host.now();
      this.#measureRate(now, ready);
      if (this.#resizing.size > 0 && now >= flushAt) {
        flushAt = now + FLUSH_MS;
        this.#flush(now);
      }
      if (this.#resting.size > 0) {
        this.#wake(now);
      }
      this.#host.turned();
      if (this.#isBusy && ready < FEW) {
        this.#io.sleep(PAUSE_US);
      }
    }
  }

  #measureRate(now: number, ready: number): void {
    this.#served += ready;
    const elapsed = now - this.#windowAt;
    if (elapsed >= RATE_WINDOW_MS) {
      this.#isBusy = this.#served >= elapsed * BUSY_RATE;
      this.#served = 0;
      this.#windowAt = now;
    }
  }

  /** Before the orders are read, so that one which comes while they are is announced again. */
  #clearAnnouncement(ready: number): void {
    for (let event = 0; event < ready; event += 1) {
      if (this.#io.keyOf(event) === ORDERS_KEY) {
        this.#io.clearEvent(this.#event);
        return;
      }
    }
  }

  #watch(socket: WorkerSocket): void {
    socket.key = this.#freeKeys.pop() ?? this.#sockets.length;
    // An event of this round that was meant for the last owner of the key finds nothing to receive.
    this.#sockets[socket.key] = socket;
    const error = this.#io.watch(this.#epoll, socket.fd, socket.key);
    if (error !== 0) {
      this.#host.failed(socket, error);
    }
  }

  #serve(socket: WorkerSocket): void {
    const { offload } = this.#host;
    this.#serveOne(socket);
    if (offload !== undefined && socket.component === 'rtp') {
      for (let count = 0; count < MAX_IN_A_ROW && offload.wantsEmpty(socket); count += 1) {
        this.#serveOne(socket);
      }
    }
  }

  #serveOne(socket: WorkerSocket): void {
    const length = this.#io.receive(socket.fd);
    if (length < 0) {
      this.#noteFailure(socket, this.#io.error);
      return;
    }
    socket.failures = 0;
    const { source } = this.#io;
    socket.session.receive(this.#host.now(), socket, this.#view(length), this.#book.text(source), portOf(source));
  }

  #view(length: number): Uint8Array {
    if (length >= MAX_KEPT_VIEWS) {
      return this.#io.packet.subarray(0, length);
    }
    let view = this.#views[length];
    if (view === undefined) {
      view = this.#io.packet.subarray(0, length);
      this.#views[length] = view;
    }
    return view;
  }

  #noteFailure(socket: WorkerSocket, errno: number): void {
    if (errno === EAGAIN) {
      this.#host.offload?.emptied(socket);
      return;
    }
    if (errno === EINTR) {
      return;
    }
    this.#host.totals.countSystemError(errno);
    socket.failures += 1;
    if (socket.failures >= MAX_FAILURES) {
      socket.failures = 0;
      this.#io.unwatch(this.#epoll, socket.fd);
      this.#resting.set(socket, this.#host.now() + REST_MS);
      this.#host.failed(socket, errno);
    }
  }

  #wake(now: number): void {
    for (const [socket, until] of this.#resting) {
      if (now >= until) {
        this.#resting.delete(socket);
        this.#io.watch(this.#epoll, socket.fd, socket.key);
      }
    }
  }

  #flush(now: number): void {
    for (const session of this.#resizing.values()) {
      if (session.path.dueAt <= now) {
        session.path.flush(now, session);
      }
    }
  }
}
