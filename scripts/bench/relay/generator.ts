/**
 * The load: both parties of every call, in one loop that nothing else disturbs (`generator-process.ts` gives it a
 * process of its own).
 *
 * ```
 *   tick (0.5 ms):  send what is due ──► relay ──► our sockets        every fourth tick: read them all
 * ```
 *
 * It is cheap by three habits. Calls share sockets, 64 to one on each side, which the relay cannot tell from 64
 * phones behind one address; so one system call sends for many calls. It never waits for a packet: it sleeps until the
 * next tick, so the relay's sends wake nobody. And it need not be quick to read, since the kernel notes when the relay
 * sent each packet; the delay is from just before our sendmmsg(2), of eight packets at most, to that instant.
 */
import { inNamespace } from '../../../test/support/namespace-socket.ts';
import { FlowRing } from './flow-ring.ts';
import { Histogram } from './histogram.ts';
import {
  Arena,
  closeSocket,
  droppedAt,
  monotonicUs,
  openUdpSocket,
  pollNow,
  readWallClock,
  sleepUntilUs,
} from './kernel.ts';
import { isIntact, NANOSECONDS, RTCP, RTP, SECONDS, SEQUENCE, SERIAL, WHOSE } from './packets.ts';
import { ReceiveRing } from './receive-ring.ts';

const TICK_US = 500;
const READ_EVERY_TICKS = 4;
const RTP_INTERVAL_US = 20_000;
/** RFC 3550 6.2 asks for 5 s; so short a run needs more of them, unless told. */
const RTCP_INTERVAL_US = 1_000_000;
/** Up to here the packets that we are late with are sent all the same. */
const LONGEST_STALL_US = 100_000;
/** Packets that share one time stamp and one system call. */
const BATCH = 8;
const CALLS_PER_SOCKET = 64;
const RECEIVE_BUFFER_BYTES = 8 << 20;
/** struct pollfd: descriptor, what is asked (POLLIN), what is. */
const POLLFD_WORDS = 2;
const POLLIN = 1;
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 60_000;

export interface GeneratorOptions {
  /** Calls at most; the 20 ms are divided evenly between so many. */
  readonly capacity: number;
  /** Where the relay's media ports are. */
  readonly relayAddress: string;
  /** Of callers and callees. */
  readonly addresses: readonly [string, string];
  /** What callers and callees send to, where it is not the relay. */
  readonly targets?: readonly [string, string] | undefined;
  /** Network namespaces of callers and callees; ours unless told. */
  readonly namespaces?: readonly [string, string] | undefined;
  /** Between two packets of a party, microseconds: 20 ms, and RTCP each second. */
  readonly rtpIntervalUs?: number | undefined;
  readonly rtcpIntervalUs?: number | undefined;
}

export interface Call {
  readonly slot: number;
  readonly serial: number;
  /** The relay's RTP ports that the caller and the callee send to; RTCP is one above. */
  readonly ports: readonly [number, number];
}

/** Arrivals that are not as they should be, since the last `mark`. */
export interface Oddities {
  duplicate: number;
  reordered: number;
  /** At another party's socket than the peer's. */
  misdelivered: number;
  /** Not from the port that the relay granted for the party that heard it. */
  wrongSource: number;
  /** Cut, longer, or another word than was sent. */
  corrupt: number;
  /** Of a call that has ended. */
  stale: number;
  /** That the system would not send. */
  refused: number;
}

const NO_ODDITIES: Readonly<Oddities> = {
  duplicate: 0,
  reordered: 0,
  misdelivered: 0,
  wrongSource: 0,
  corrupt: 0,
  stale: 0,
  refused: 0,
};

export interface CallCounts {
  readonly sent: number;
  readonly received: number;
}

interface Socket {
  readonly fd: number;
  readonly kind: 0 | 1;
  readonly side: 0 | 1;
  readonly block: number;
}

/** [RTP, RTCP] × [callers, callees]. */
type Rings = readonly [readonly [FlowRing, FlowRing], readonly [FlowRing, FlowRing]];

export class Generator {
  readonly odd: Oddities = { ...NO_ODDITIES };
  readonly delay = new Histogram();
  /** How late packets were sent, by our own fault, microseconds. */
  readonly lateness = new Histogram();
  readonly #capacity: number;
  readonly #rings: Rings;
  readonly #sockets: Socket[] = [];
  /** First RTP port of each block of calls, callers' and callees'. */
  readonly #blockPorts: readonly [number[], number[]] = [[], []];
  readonly #fds: readonly (readonly [number[], number[]])[] = [
    [[], []],
    [[], []],
  ];
  readonly #poll: Arena;
  readonly #received = new ReceiveRing();
  readonly #now = new Arena(16);
  /** Slots sent for since the start, per kind and side, if every slot had a call. */
  readonly #cursors = [0, 0, 0, 0];
  #startUs = monotonicUs();
  #nextTickUs = this.#startUs;
  #rtpIntervalUs: number;
  readonly #rtcpIntervalUs: number;
  #isPaused = false;
  #ticks = 0;
  #dropsAtMark = 0;

  /** @throws Error when the system grants no sockets */
  constructor(options: GeneratorOptions) {
    const { capacity, relayAddress, addresses, targets = [relayAddress, relayAddress], namespaces } = options;
    this.#capacity = capacity;
    this.#rtpIntervalUs = options.rtpIntervalUs ?? RTP_INTERVAL_US;
    this.#rtcpIntervalUs = options.rtcpIntervalUs ?? RTCP_INTERVAL_US;
    const ring = (shape: typeof RTP, side: 0 | 1): FlowRing => new FlowRing(shape, side, capacity, targets[side]);
    this.#rings = [
      [ring(RTP, 0), ring(RTP, 1)],
      [ring(RTCP, 0), ring(RTCP, 1)],
    ];
    for (const side of [0, 1] as const) {
      if (namespaces === undefined) {
        this.#openSide(side, addresses[side]);
      } else {
        inNamespace(namespaces[side], () => this.#openSide(side, addresses[side]));
      }
    }
    this.#poll = new Arena(this.#sockets.length * POLLFD_WORDS * 4);
    for (const [index, { fd }] of this.#sockets.entries()) {
      this.#poll.words[index * POLLFD_WORDS] = fd;
      this.#poll.words[index * POLLFD_WORDS + 1] = POLLIN;
    }
  }

  /** Where the parties of a slot expect their media. */
  portsOf(slot: number): readonly [number, number] {
    const block = Math.floor(slot / CALLS_PER_SOCKET);
    return [this.#blockPorts[0][block] ?? 0, this.#blockPorts[1][block] ?? 0];
  }

  start({ slot, serial, ports }: Call): void {
    for (const side of [0, 1] as const) {
      this.#rings[0][side].start(slot, serial, ports[side]);
      this.#rings[1][side].start(slot, serial, ports[side] + 1);
    }
  }

  stop(slot: number): void {
    for (const ring of this.#rings.flat()) {
      ring.stop(slot);
    }
  }

  stopAll(): void {
    for (let slot = 0; slot < this.#capacity; slot++) {
      this.stop(slot);
    }
  }

  /** Nothing is sent until `pace`; what is under way is still counted. */
  pause(): void {
    this.#isPaused = true;
  }

  /** From now on each party sends a packet of RTP so often. */
  pace(rtpIntervalUs = this.#rtpIntervalUs): void {
    this.#rtpIntervalUs = rtpIntervalUs;
    this.#isPaused = false;
    this.#startUs = monotonicUs();
    this.#cursors.fill(0);
  }

  /** Of one call, all its packets. */
  countsOf(slot: number): CallCounts {
    return add(this.#rings.flat().map((ring) => ring.counts(slot)));
  }

  totals(): { readonly rtp: CallCounts; readonly rtcp: CallCounts } {
    const [rtp, rtcp] = this.#rings.map((sides) => add(sides.map((ring) => ring.total())));
    return { rtp: rtp ?? add([]), rtcp: rtcp ?? add([]) };
  }

  /** Datagrams that our own sockets had no room for: no loss of the relay's. */
  get ownDrops(): number {
    return this.#dropsNow() - this.#dropsAtMark;
  }

  /** Begins to count anew. */
  mark(): void {
    for (const ring of this.#rings.flat()) {
      ring.markAll();
    }
    Object.assign(this.odd, NO_ODDITIES);
    this.delay.clear();
    this.lateness.clear();
    this.#dropsAtMark = this.#dropsNow();
  }

  /** Sleeps until the next tick and does its work: a fraction of a millisecond. */
  tick(): void {
    this.#nextTickUs = Math.max(this.#nextTickUs + TICK_US, monotonicUs() - RTP_INTERVAL_US);
    sleepUntilUs(this.#nextTickUs);
    const elapsedUs = monotonicUs() - this.#startUs;
    for (const [index, ring] of this.#isPaused ? [] : this.#rings.flat().entries()) {
      this.#sendDue(ring, index, elapsedUs);
    }
    this.#ticks += 1;
    if (this.#ticks % READ_EVERY_TICKS === 0) {
      this.readAll();
    }
  }

  /** Reads everything that has arrived. */
  readAll(): void {
    if (pollNow(this.#poll.address, this.#sockets.length) === 0) {
      return;
    }
    for (const [index, socket] of this.#sockets.entries()) {
      if ((this.#poll.words[index * POLLFD_WORDS + 1] ?? 0) >>> 16 !== 0) {
        let count: number;
        do {
          count = this.#received.receive(socket.fd);
          for (let message = 0; message < count; message++) {
            this.#take(socket, message);
          }
        } while (count === this.#received.capacity);
      }
    }
  }

  close(): void {
    for (const { fd } of this.#sockets.splice(0)) {
      closeSocket(fd);
    }
  }

  #sendDue(ring: FlowRing, index: number, elapsedUs: number): void {
    const intervalUs = ring.shape.kind === 'rtp' ? this.#rtpIntervalUs : this.#rtcpIntervalUs;
    const usPerSlot = intervalUs / this.#capacity;
    const due = Math.floor(elapsedUs / usPerSlot);
    // After a long stall of this machine no phone would send everything at once: what was missed is never sent.
    const missed = due - (this.#cursors[index] ?? 0) > (LONGEST_STALL_US / this.#rtpIntervalUs) * this.#capacity;
    const first = missed ? due - this.#capacity : (this.#cursors[index] ?? 0);
    const end = Math.min(due, first + this.#capacity);
    if (end === first) {
      return;
    }
    this.lateness.add(elapsedUs - ((this.#cursors[index] ?? 0) + 1) * usPerSlot);
    for (let position = first; position < end; ) {
      const slot = position % this.#capacity;
      const run = this.#runFrom(ring, slot, Math.min(end - position, this.#capacity - slot));
      position += Math.max(run, 1);
      if (run > 0) {
        const fd =
          this.#fds[ring.shape.kind === 'rtp' ? 0 : 1]?.[ring.side]?.[Math.floor(slot / CALLS_PER_SOCKET)] ?? -1;
        readWallClock(this.#now);
        const taken = ring.send(fd, slot, run, this.#now.words[0] ?? 0, this.#now.words[2] ?? 0);
        this.odd.refused += run - taken;
      }
    }
    this.#cursors[index] = end;
  }

  /** How many neighbours from this slot on have a call, one socket and one system call together. */
  #runFrom(ring: FlowRing, slot: number, limit: number): number {
    const most = Math.min(limit, BATCH, CALLS_PER_SOCKET - (slot % CALLS_PER_SOCKET));
    let run = 0;
    while (run < most && ring.isActive(slot + run)) {
      run += 1;
    }
    return run;
  }

  #take(socket: Socket, message: number): void {
    const { words } = this.#received;
    const at = this.#received.packetAt(message);
    const heard = this.#rings[socket.kind][socket.side];
    const { shape } = heard;
    const mark = at + shape.mark;
    const label = words[mark + WHOSE] ?? 0;
    const slot = label >>> 1;
    if (this.#received.length(message) !== shape.words * 4 || slot >= this.#capacity) {
      this.odd.corrupt += 1;
      return;
    }
    const ring = this.#rings[socket.kind][label & 1 ? 1 : 0];
    if (!ring.isOf(slot, words[mark + SERIAL] ?? 0)) {
      this.odd.stale += 1;
    } else if (!isIntact(words, at, shape, ring.words, ring.templateAt(slot))) {
      this.odd.corrupt += 1;
    } else if (ring.side === socket.side || Math.floor(slot / CALLS_PER_SOCKET) !== socket.block) {
      this.odd.misdelivered += 1;
    } else if (this.#received.sourcePort(message) !== heard.portOf(slot)) {
      this.odd.wrongSource += 1;
    } else {
      this.#count(ring, slot, message, mark);
    }
  }

  #count(ring: FlowRing, slot: number, message: number, mark: number): void {
    const { words } = this.#received;
    const arrival = ring.arrived(slot, words[mark + SEQUENCE] ?? 0);
    if (arrival === 'before-mark') {
      return;
    }
    if (arrival === 'duplicate' || arrival === 'reordered') {
      this.odd[arrival] += 1;
    }
    if (arrival !== 'duplicate') {
      const seconds = this.#received.seconds(message) - (words[mark + SECONDS] ?? 0);
      this.delay.add(seconds * 1e6 + (this.#received.nanoseconds(message) - (words[mark + NANOSECONDS] ?? 0)) / 1e3);
    }
  }

  #openSide(side: 0 | 1, address: string): void {
    const blocks = Math.ceil(this.#capacity / CALLS_PER_SOCKET);
    let port = LOWEST_PORT;
    for (let block = 0; block < blocks; block++) {
      const pair = openPair(address, port);
      port = pair.port + 2;
      this.#blockPorts[side].push(pair.port);
      for (const kind of [0, 1] as const) {
        this.#sockets.push({ fd: pair.fds[kind], kind, side, block });
        this.#fds[kind]?.[side].push(pair.fds[kind]);
      }
    }
  }

  #dropsNow(): number {
    return this.#sockets.reduce((sum, { fd }) => sum + droppedAt(fd), 0);
  }
}

/** RTP on an even port, RTCP on the next one. */
function openPair(address: string, lowest: number): { port: number; fds: readonly [number, number] } {
  for (let port = lowest; port < HIGHEST_PORT; port += 2) {
    let rtp: number | undefined;
    try {
      rtp = openUdpSocket(address, port, RECEIVE_BUFFER_BYTES);
      return { port, fds: [rtp, openUdpSocket(address, port + 1, RECEIVE_BUFFER_BYTES)] };
    } catch (error) {
      if (rtp !== undefined) {
        closeSocket(rtp);
      }
      if (port + 2 >= HIGHEST_PORT) {
        throw error;
      }
    }
  }
  throw new Error(`no free pair of ports on ${address}`);
}

function add(counts: readonly CallCounts[]): CallCounts {
  return {
    sent: counts.reduce((sum, { sent }) => sum + sent, 0),
    received: counts.reduce((sum, { received }) => sum + received, 0),
  };
}
