/**
 * The system calls of the load generator. Its own, not those of the relay's planes: a mistake in theirs must not be
 * able to hide itself here. Pointers travel as numbers; they point into arenas, whose memory never moves.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { parseIpv4 } from '../../../src/wire/ip-address.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SO_RCVBUF = 8;
/** Each datagram comes with the instant at which its sender's system call put it on the wire. */
const SO_TIMESTAMPNS = 35;
const SO_MEMINFO = 55;
/** Index of SK_MEMINFO_DROPS in what SO_MEMINFO tells: datagrams that found the receive buffer full. */
const DROPS_AT = 8;
const MEMINFO_BYTES = 36;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const TIMER_ABSTIME = 1;

interface SystemCalls {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, size: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, size: number): number;
  getsockopt(fd: number, level: number, name: number, value: Buffer, size: Buffer): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  poll(fds: number, count: number, timeoutMs: number): number;
  clock_gettime(clock: number, time: number): number;
  clock_nanosleep(clock: number, flags: number, until: number, rest: number): number;
  close(fd: number): number;
}

/** Memory that system calls read and write, seen as words. Zeroed. */
export class Arena {
  readonly address: number;
  readonly words: Uint32Array;
  readonly bytes: Buffer;

  constructor(size: number) {
    const memory = new ArrayBuffer(Math.ceil(size / 8) * 8);
    this.words = new Uint32Array(memory);
    this.bytes = Buffer.from(memory);
    this.address = Number(koffi.address(this.bytes));
  }

  /** Writes an address of some arena at a byte offset that 8 divides. */
  setPointer(offset: number, address: number): void {
    this.words[offset / 4] = address % 2 ** 32;
    this.words[offset / 4 + 1] = Math.floor(address / 2 ** 32);
  }
}

if (process.platform !== 'linux' || endianness() !== 'LE') {
  throw new Error('the load generator knows the system calls of 64-bit little-endian Linux only');
}
const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
const calls = bindSystemCalls();
/** One struct timespec for each use. */
const clock = new Arena(16);
const wake = new Arena(16);

/** @throws Error with the number of the system's error when it is not granted. */
export function openUdpSocket(address: string, port: number, receiveBufferBytes: number): number {
  const fd = checked('socket', calls.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const size = nativeInt(receiveBufferBytes);
  // Beyond net.core.rmem_max only for the privileged; the others get what that allows.
  if (calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, 4) !== 0) {
    checked('setsockopt', calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, 4));
  }
  checked('setsockopt', calls.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, nativeInt(1), 4));
  if (calls.bind(fd, socketAddress(address, port), 16) !== 0) {
    const error = koffi.errno();
    calls.close(fd);
    throw new Error(`cannot bind ${address}:${port}: errno ${error}`);
  }
  return fd;
}

export function closeSocket(fd: number): void {
  calls.close(fd);
}

/** Datagrams that were lost at this socket because its buffer was full, since it was opened. */
export function droppedAt(fd: number): number {
  const told = Buffer.alloc(MEMINFO_BYTES);
  checked('getsockopt', calls.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, told, nativeInt(MEMINFO_BYTES)));
  return told.readUInt32LE(DROPS_AT * 4);
}

/** How many of them went out; fewer than asked when the system refused the next one. */
export function sendMessages(fd: number, messages: number, count: number): number {
  return Math.max(0, calls.sendmmsg(fd, messages, count, 0));
}

/** How many arrived; never waits. */
export function receiveMessages(fd: number, messages: number, count: number): number {
  return Math.max(0, calls.recvmmsg(fd, messages, count, 0, 0));
}

/** How many of these struct pollfd have something to say now. */
export function pollNow(fds: number, count: number): number {
  return Math.max(0, calls.poll(fds, count, 0));
}

/** Wall-clock time, as kernel timestamps have it: seconds and nanoseconds in `now.words[0]` and `[2]`. */
export function readWallClock(now: Arena): void {
  calls.clock_gettime(CLOCK_REALTIME, now.address);
}

/** Monotonic microseconds. */
export function monotonicUs(): number {
  calls.clock_gettime(CLOCK_MONOTONIC, clock.address);
  return (clock.words[0] ?? 0) * 1e6 + (clock.words[2] ?? 0) / 1e3;
}

export function sleepUntilUs(atUs: number): void {
  wake.words[0] = Math.floor(atUs / 1e6);
  wake.words[2] = Math.floor((atUs % 1e6) * 1e3);
  calls.clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, wake.address, 0);
}

/** struct sockaddr_in: family, port and address in network order, zeros. */
export function socketAddress(address: string, port: number): Buffer {
  const ip = parseIpv4(address);
  if (ip === undefined) {
    throw new Error(`not an IPv4 address: ${address}`);
  }
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ip, 4);
  return bytes;
}

function bindSystemCalls(): SystemCalls {
  const library = koffi.load(null);
  return {
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, const void *address, uint32_t size)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t size)'),
    getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *size)'),
    sendmmsg: library.func('int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)'),
    recvmmsg: library.func(
      'int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)',
    ),
    poll: library.func('int poll(uintptr_t fds, unsigned long count, int timeout)'),
    clock_gettime: library.func('int clock_gettime(int clock, uintptr_t time)'),
    clock_nanosleep: library.func('int clock_nanosleep(int clock, int flags, uintptr_t until, uintptr_t rest)'),
    close: library.func('int close(int fd)'),
  } as unknown as SystemCalls;
}

function checked(call: string, result: number): number {
  if (result < 0) {
    throw new Error(`${call} failed: errno ${koffi.errno()}`);
  }
  return result;
}

function nativeInt(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer);
}
