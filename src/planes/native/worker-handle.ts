import { Worker } from 'node:worker_threads';
import type { MediaSockets } from '../../linux/media-socket.ts';
import type { LatchSettings } from '../../relay/latching/index.ts';
import type { OwnControlFacts } from '../../relay/own-control.ts';
import type { PlaneEvent, Side } from '../../relay/plane.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { clockOffsetMs } from './clock.ts';
import { CopyRing, type CopyTaker } from './copy-ring.ts';
import type { Order, Report, Ticket, WorkerBirth } from './messages.ts';
import type { OffloadControl } from './offload.ts';
import type { SharedLeg, Slab } from './shared-session.ts';
import { SharedTotals } from './shared-totals.ts';
import { type Place, SlabPlaces } from './slab-places.ts';

export interface WorkerListener {
  event(event: PlaneEvent): void;
  readonly copied: CopyTaker;
  /** The thread has ended though it was not told to; its descriptors are not used by anybody now. */
  lost(worker: WorkerHandle, cause: string): void;
}

export interface WorkerSettings {
  readonly latching: LatchSettings;
  readonly ownControl: () => OwnControlFacts;
  readonly offload: OffloadControl | undefined;
  readonly dropsRights: boolean;
}

/** A worker that moves packets loses no time by it, but what it has is bounded: MiB of JavaScript objects. */
const HEAP_LIMIT_MB = 512;
/** Packets allocate nothing; what sessions and orders need is small. */
const YOUNG_LIMIT_MB = 3;

/**
 * A place for a worker thread, seen from the control thread. When the thread dies the place and its counters stay, and
 * `start` puts a new one there.
 */
export class WorkerHandle {
  readonly totals = new SharedTotals();
  /** Sessions that this worker has, for choosing the one with the fewest. */
  load = 0;
  readonly number: number;
  readonly #sockets: MediaSockets;
  readonly #settings: WorkerSettings;
  readonly #listener: WorkerListener;
  readonly #places = new SlabPlaces();
  readonly #released = new Map<Ticket, () => void>();
  #lastTicket = 0;
  /** What the thread is told next. */
  #orders: Order[] = [];
  #thread: Worker | undefined;
  #copies: CopyRing | undefined;
  #epoll = -1;
  #event = -1;
  #ended: Promise<void> = Promise.resolve();
  #isStopping = false;
  #isRunning = false;

  constructor(number: number, sockets: MediaSockets, settings: WorkerSettings, listener: WorkerListener) {
    this.number = number;
    this.#sockets = sockets;
    this.#settings = settings;
    this.#listener = listener;
  }

  /**
   * The thread takes orders from now on; those to a dead one are lost. Resolves to undefined once it runs, else to the
   * reason why it cannot. Never rejects.
   */
  async start(): Promise<string | undefined> {
    let thread: Worker;
    try {
      this.#epoll = this.#sockets.createEpoll();
      this.#event = this.#sockets.createEvent();
      thread = this.#spawn();
    } catch (error) {
      this.#closeDescriptors();
      return (error as Error).message;
    }
    this.#thread = thread;
    let cause = 'the thread ended';
    thread.on('error', (error: unknown) => {
      cause = error instanceof Error ? error.message : String(error);
    });
    return new Promise((resolve) => {
      let ready = false;
      this.#ended = new Promise((ended) => {
        thread.once('exit', () => {
          this.#thread = undefined;
          this.#isRunning = false;
          this.#closeDescriptors();
          this.#releaseAll();
          ended();
          resolve(cause);
          if (ready && !this.#isStopping) {
            this.#listener.lost(this, cause);
          }
        });
      });
      const take = (report: Report): void => {
        switch (report.kind) {
          case 'ready':
            ready = true;
            this.#isRunning = true;
            resolve(undefined);
            break;
          case 'unfit':
            cause = report.reason;
            break;
          case 'event':
            this.#listener.event(report.event);
            break;
          case 'copies':
            this.takeCopies();
            break;
          case 'released':
            this.#release(report.ticket);
            break;
          default:
            assertNever(report);
        }
      };
      thread.on('message', (reports: readonly Report[]) => reports.forEach(take));
    });
  }

  /** Packets of its sessions are moved now; those of another one wait in their sockets. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Another number whenever the thread has come round: within a second, unless it is stuck. */
  get turns(): number {
    return this.totals.turns;
  }

  /** Given at the next `commit`, at the latest after this turn of the event loop. */
  order(order: Order): void {
    if (this.#thread === undefined) {
      if ('ticket' in order && order.ticket !== undefined) {
        this.#release(order.ticket);
      }
      return;
    }
    if (this.#orders.length === 0) {
      setImmediate(() => this.commit());
    }
    this.#orders.push(order);
  }

  /** What was ordered is there before any packet that is sent from now on. */
  commit(): void {
    if (this.#thread !== undefined && this.#orders.length > 0) {
      this.#thread.postMessage(this.#orders);
      this.#orders = [];
      if (this.totals.announceOrders()) {
        this.#sockets.signalEvent(this.#event);
      }
    }
  }

  /** A number for an order; `released` is called once the worker has obeyed it, or is dead. */
  ticket(released: () => void): Ticket {
    this.#lastTicket += 1;
    this.#released.set(this.#lastTicket, released);
    return this.#lastTicket;
  }

  /** Memory for a session which has seen nothing yet. */
  takePlace(): Place {
    const known = this.#places.slabs.length;
    const place = this.#places.take();
    for (const { memory } of this.#places.slabs.slice(known)) {
      this.order({ kind: 'slab', memory });
    }
    return place;
  }

  /** To be called once the thread does not use it any more. */
  releasePlace(place: Place): void {
    this.#places.release(place);
  }

  leg({ slab, place }: Place, side: Side): SharedLeg {
    return (this.#places.slabs[slab] as Slab).leg(place, side);
  }

  /** To be called before the first tap. */
  prepareCopies(): void {
    if (this.#copies === undefined) {
      this.#copies = new CopyRing();
      this.order({ kind: 'copies', memory: this.#copies.memory });
    }
  }

  /** Everything that the worker has copied until now. */
  takeCopies(): void {
    this.#copies?.drain(this.#listener.copied);
  }

  /** Idempotent. Resolves when the thread has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.order({ kind: 'stop' });
    await this.#ended;
  }

  /** Ends the thread as a fault of ours would. */
  async kill(): Promise<void> {
    const ended = this.#thread?.terminate();
    if (this.#event >= 0) {
      this.#sockets.signalEvent(this.#event);
    }
    await ended;
  }

  #spawn(): Worker {
    const birth: WorkerBirth = {
      epoll: this.#epoll,
      event: this.#event,
      totals: this.totals.memory,
      slabs: this.#places.slabs.map(({ memory }) => memory),
      clockOffsetMs: clockOffsetMs(),
      latching: this.#settings.latching,
      ownControl: this.#settings.ownControl(),
      offload: this.#settings.offload?.birth(this.number),
      dropsRights: this.#settings.dropsRights,
    };
    return new Worker(this.#settings.offload?.entry ?? new URL('./worker.js', import.meta.url), {
      name: 'media',
      workerData: birth,
      // What is preloaded into the program is not meant for its threads.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB, maxYoungGenerationSizeMb: YOUNG_LIMIT_MB },
    });
  }

  #release(ticket: Ticket): void {
    const released = this.#released.get(ticket);
    this.#released.delete(ticket);
    released?.();
  }

  #releaseAll(): void {
    // Orders that the dead thread has not read are not announced to the next one.
    this.totals.takeOrders();
    this.#orders = [];
    const released = [...this.#released.values()];
    this.#released.clear();
    this.takeCopies();
    this.#copies = undefined;
    for (const release of released) {
      release();
    }
  }

  #closeDescriptors(): void {
    for (const fd of [this.#epoll, this.#event]) {
      if (fd >= 0) {
        this.#sockets.close(fd);
      }
    }
    this.#epoll = -1;
    this.#event = -1;
  }
}
