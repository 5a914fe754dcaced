/**
 * Datagrams and readiness for a thread that moves packets. Everything that a system call reads or writes lies in one
 * block of memory that is laid out once, so that a packet costs no allocation and no conversion.
 *
 * ```
 *  packet in 64 KiB │ packet out 64 KiB │ source │ destination │ source's length │ timespec │ eventfd │ epoll_event ×N
 * ```
 *
 * The layout is that of 64-bit little-endian Linux: x64, and arm64 where struct epoll_event is not packed.
 */
import { endianness } from 'node:os';
import { loadPacketCalls, type PacketCalls } from './libc.ts';

/** UDP cannot carry more. */
const PACKET_BYTES = 65_536;
const SOCKADDR_BYTES = 32;
/** sockaddr_in6 and a little: what recvfrom may write as the source. */
const SOCKADDR_ROOM = 28;

/** Sockets served in one round, so that orders are seen soon under any load. */
export const MAX_EVENTS = 128;

const PACKET_IN = 0;
const PACKET_OUT = PACKET_BYTES;
const SOURCE = 2 * PACKET_BYTES;
const DESTINATION = SOURCE + SOCKADDR_BYTES;
const SOURCE_LENGTH = DESTINATION + SOCKADDR_BYTES;
/** struct timespec: seconds, nanoseconds. */
const TIMESPEC = SOURCE_LENGTH + 8;
const COUNTER = TIMESPEC + 16;
const CONTROL_EVENT = COUNTER + 8;
const EVENTS = CONTROL_EVENT + 16;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** struct epoll_event: events:4 data:8; with four bytes between them where it is not packed. */
const EVENT_WORDS = process.arch === 'x64' ? 3 : 4;
const KEY_WORD = process.arch === 'x64' ? 1 : 2;

export class PacketIo {
  /** Where `receive` puts a packet, and from where `forward` sends it. */
  readonly packet: Uint8Array;
  /** Where `send` sends from. */
  readonly out: Uint8Array;
  /** The source of the packet received last, as eight words of a sockaddr. */
  readonly source: Int32Array;
  /** Where `forward` and `send` send to; to be filled in before. */
  readonly destination: Int32Array;
  readonly #calls: PacketCalls;
  readonly #words: Int32Array;
  readonly #base: number;

  private constructor(calls: PacketCalls) {
    const memory = new ArrayBuffer(EVENTS + MAX_EVENTS * EVENT_WORDS * 4);
    this.#calls = calls;
    this.#words = new Int32Array(memory);
    this.#base = calls.addressOf(new Uint8Array(memory));
    this.packet = new Uint8Array(memory, PACKET_IN, PACKET_BYTES);
    this.out = new Uint8Array(memory, PACKET_OUT, PACKET_BYTES);
    this.source = new Int32Array(memory, SOURCE, SOCKADDR_BYTES / 4);
    this.destination = new Int32Array(memory, DESTINATION, SOCKADDR_BYTES / 4);
  }

  /** A text instead says why there is none on this system. */
  static open(): PacketIo | string {
    if (process.platform !== 'linux' || endianness() !== 'LE' || !['x64', 'arm64'].includes(process.arch)) {
      return `no layout for ${process.platform} on ${process.arch}`;
    }
    const calls = loadPacketCalls();
    return calls === undefined ? 'koffi has no binary for this system' : new PacketIo(calls);
  }

  /** How many sockets are ready, at most MAX_EVENTS; negative: a signal, or an error. */
  wait(epoll: number, timeoutMs: number): number {
    return this.#calls.epollWait(epoll, this.#base + EVENTS, MAX_EVENTS, timeoutMs);
  }

  /** The key that the socket was watched with. */
  keyOf(event: number): number {
    return this.#words[(EVENTS >> 2) + event * EVENT_WORDS + KEY_WORD] ?? 0;
  }

  /** 0, or the error. */
  watch(epoll: number, fd: number, key: number): number {
    const event = CONTROL_EVENT >> 2;
    this.#words[event] = EPOLLIN;
    this.#words[event + KEY_WORD] = key;
    this.#words[event + KEY_WORD + 1] = 0;
    const done = this.#calls.epollControl(epoll, EPOLL_CTL_ADD, fd, this.#base + CONTROL_EVENT);
    return done === 0 ? 0 : this.#calls.errno();
  }

  unwatch(epoll: number, fd: number): void {
    this.#calls.epollControl(epoll, EPOLL_CTL_DEL, fd, this.#base + CONTROL_EVENT);
  }

  /** The length of the packet that is in `packet` now, or -1: see `error`. */
  receive(fd: number): number {
    this.#words[SOURCE_LENGTH >> 2] = SOCKADDR_ROOM;
    const base = this.#base;
    return this.#calls.recvfrom(fd, base, PACKET_BYTES, MSG_DONTWAIT, base + SOURCE, base + SOURCE_LENGTH);
  }

  /** Sends on the packet that was received last. Negative: see `error`. */
  forward(fd: number, length: number, destinationBytes: number): number {
    return this.#send(fd, PACKET_IN, length, destinationBytes);
  }

  /** Sends what is in `out`. Negative: see `error`. */
  send(fd: number, length: number, destinationBytes: number): number {
    return this.#send(fd, PACKET_OUT, length, destinationBytes);
  }

  /** Takes what an eventfd has counted, so that it is not ready any more. */
  clearEvent(eventFd: number): void {
    this.#calls.read(eventFd, this.#base + COUNTER, 8);
  }

  /** At most a second. */
  sleep(microseconds: number): void {
    this.#words[(TIMESPEC + 8) >> 2] = microseconds * 1000;
    this.#calls.nanosleep(this.#base + TIMESPEC, 0);
  }

  /** The error of the call before, as errno(3). */
  get error(): number {
    return this.#calls.errno();
  }

  #send(fd: number, from: number, length: number, destinationBytes: number): number {
    const base = this.#base;
    return this.#calls.sendto(
      fd,
      base + from,
      length,
      MSG_DONTWAIT | MSG_NOSIGNAL,
      base + DESTINATION,
      destinationBytes,
    );
  }
}
