import { Bpf } from '../../linux/bpf/bpf.ts';
import { refusalName, refusalRemedy } from '../../linux/bpf/refusals.ts';
import type { Log } from '../../observe/log.ts';
import type { PassedOn } from '../../relay/media/passed-on.ts';
import type { OwnControl } from '../../relay/own-control.ts';
import { isLoopback } from '../../wire/ip-address.ts';
import { clockOffsetMs } from '../native/clock.ts';
import { NativePlane, type NativePlaneOptions, workerCount } from '../native/native-plane.ts';
import type { OffloadControl } from '../native/offload.ts';
import { Attachments, type Hook } from './attachments.ts';
import { inPathTime } from './flow-keeper.ts';
import { entrancesFor } from './interfaces.ts';
import { KernelFlows } from './kernel-flows.ts';
import { NetworkWatch } from './network-watch.ts';
import type { KeeperBirth } from './worker.ts';

export interface KernelPlaneOptions extends NativePlaneOptions {
  /** For tests: how the program may be attached. */
  readonly hooks?: readonly Hook[] | undefined;
}

/** Why this plane does not work here, and the sentence for those who wanted it by name. */
export interface Unusable {
  readonly why: string;
  readonly remedy?: string;
}

/** Two a call; half of the port pairs that there can be, shared out evenly to the workers. Some 10 MB of kernel memory. */
const CAPACITY = 32_768;

/** A program without us lets everything pass to the sockets after this time, ms; it is told that we live this often. */
const ALIVE_MS = 3000;
const HEARTBEAT_MS = 1000;

/** How often changes of the network are fetched, ms: with sessions, and without. */
const WATCH_MS = 50;
const IDLE_WATCH_MS = 500;

/**
 * The native plane, whose plain flows a program in the kernel forwards. The sockets stay where they are and take
 * everything that the program does not know; this class has the program, where it is attached, and its heartbeat.
 */
export class KernelPlane implements OffloadControl {
  readonly entry = new URL('./worker.js', import.meta.url);
  readonly #flows: KernelFlows;
  readonly #attachments: Attachments;
  readonly #watch: NetworkWatch;
  readonly #ownControl: OwnControl;
  readonly #log: Log;
  readonly #workers: number;
  readonly #clockOffsetMs = clockOffsetMs();
  readonly #heartbeat: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #plane: NativePlane | undefined;
  #isClosed = false;
  /** Interfaces whose refusal was told. */
  readonly #told = new Set<number>();

  private constructor(flows: KernelFlows, attachments: Attachments, watch: NetworkWatch, options: KernelPlaneOptions) {
    this.#flows = flows;
    this.#attachments = attachments;
    this.#watch = watch;
    this.#ownControl = options.ownControl;
    this.#log = options.log;
    this.#workers = workerCount(options);
    flows.keepAlive(ALIVE_MS);
    this.#heartbeat = setInterval(() => flows.keepAlive(ALIVE_MS), HEARTBEAT_MS);
    this.#heartbeat.unref();
    this.#ownControl.onChange(() => this.#attach());
    this.#watchLater();
  }

  /** Nothing is left open where it does not work. Never rejects. */
  static async start(options: KernelPlaneOptions): Promise<NativePlane | Unusable> {
    const offload = KernelPlane.#open(options);
    if (!(offload instanceof KernelPlane)) {
      return offload;
    }
    const plane = await NativePlane.start({ ...options, offload });
    if (typeof plane === 'string') {
      offload.close();
      return { why: plane };
    }
    offload.#plane = plane;
    return plane;
  }

  static #open(options: KernelPlaneOptions): KernelPlane | Unusable {
    const addresses = options.ownControl.facts.addresses.map(({ address }) => address);
    if (addresses.every(isLoopback)) {
      return { why: 'media is on loopback' };
    }
    const bpf = Bpf.load();
    if (typeof bpf === 'string') {
      return { why: bpf };
    }
    const watch = NetworkWatch.open();
    if (typeof watch === 'string') {
      return { why: watch };
    }
    const flows = KernelFlows.open(bpf, CAPACITY);
    if (!flows.ok) {
      watch.close();
      return { why: refusalName(flows.error), remedy: refusalRemedy(flows.error) };
    }
    const attachments = new Attachments(bpf, flows.value.program, watch.questions, options.hooks);
    const failures = attachments.follow(wantedBy(options.ownControl, watch));
    if (attachments.entrances.length === 0) {
      flows.value.close();
      watch.close();
      return { why: [...failures.values()][0] ?? 'no interface that packets could arrive on' };
    }
    return new KernelPlane(flows.value, attachments, watch, options);
  }

  birth(worker: number): KeeperBirth {
    const { first, count } = this.#part(worker);
    return { share: this.#flows.share(first, count) };
  }

  passedOn(place: number): PassedOn | undefined {
    return this.#isClosed ? undefined : inPathTime(this.#flows.counters(place), this.#clockOffsetMs);
  }

  lost(worker: number): void {
    const { first, count } = this.#part(worker);
    this.#flows.withdraw(first, count);
  }

  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      clearInterval(this.#heartbeat);
      clearTimeout(this.#timer);
      this.#attachments.close();
      this.#flows.close();
      this.#watch.close();
    }
  }

  /** Of the table: one a worker. */
  #part(worker: number): { readonly first: number; readonly count: number } {
    const count = Math.floor(CAPACITY / this.#workers);
    return { first: worker * count, count };
  }

  #watchLater(): void {
    this.#timer = setTimeout(() => this.#look(), this.#plane?.hasSessions === true ? WATCH_MS : IDLE_WATCH_MS);
    this.#timer.unref();
  }

  #look(): void {
    const { entrances, ways } = this.#watch.changes();
    if (entrances) {
      this.#attach();
    }
    if (ways) {
      this.#plane?.networkChanged();
    }
    this.#watchLater();
  }

  #attach(): void {
    if (this.#isClosed) {
      return;
    }
    const links = this.#watch.links();
    for (const [index, reason] of this.#attachments.follow(wantedBy(this.#ownControl, this.#watch))) {
      if (!this.#told.has(index)) {
        this.#told.add(index);
        const path = links.find((link) => link.index === index)?.name ?? `${index}`;
        this.#log.warn({ path, reason }, 'what arrives on this interface is not forwarded by the kernel');
      }
    }
  }
}

function wantedBy(ownControl: OwnControl, watch: NetworkWatch): ReadonlySet<number> {
  const addresses = ownControl.facts.addresses.map(({ address }) => address);
  return entrancesFor(addresses, watch.links(), watch.addresses());
}
