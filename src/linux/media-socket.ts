/** UDP sockets of media, opened here and read by another thread: descriptors belong to the whole process. */
import { constants } from 'node:os';
import type { AddressFamily, TransportAddress } from '../wire/ip-address.ts';
import { type LibC, loadLibC } from './libc.ts';
import { errorName, nativeInt, SOCKADDR_IN6_BYTES, socketAddress } from './socket-address.ts';

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_TCLASS = 67;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CLOEXEC = SOCK_CLOEXEC;
const EFD_NONBLOCK = SOCK_NONBLOCK;

/** Room for bursts: 256 KiB are 0.2 s of 1000 packets a second with their bookkeeping. */
const RECEIVE_BUFFER_BYTES = 256 * 1024;

/** What the system refused. `code` as in `EADDRINUSE`. */
export class SystemRefusal extends Error {
  readonly code: string;

  constructor(call: string, errno: number) {
    const code = errorName(errno);
    super(`${call} ${code}`);
    this.code = code;
  }
}

export class MediaSockets {
  readonly #libc: LibC;

  private constructor(libc: LibC) {
    this.#libc = libc;
  }

  /** Undefined where there are no foreign functions. */
  static load(): MediaSockets | undefined {
    const libc = loadLibC();
    return libc === undefined ? undefined : new MediaSockets(libc);
  }

  /**
   * Bound to exactly this address and port, without SO_REUSEADDR.
   *
   * @throws SystemRefusal; nothing is left open then
   */
  bind(local: TransportAddress, family: AddressFamily): number {
    const libc = this.#libc;
    const address = socketAddress(local);
    if (address === undefined) {
      throw new SystemRefusal(`bind ${local.address}`, constants.errno.EADDRNOTAVAIL);
    }
    const fd = libc.socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      throw new SystemRefusal('socket', libc.errno());
    }
    if (family === 6) {
      libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, nativeInt(1), 4);
    }
    // Where the system allows less it takes less.
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, nativeInt(RECEIVE_BUFFER_BYTES), 4);
    if (libc.bind(fd, address.bytes, address.bytes.length) !== 0) {
      const errno = libc.errno();
      libc.close(fd);
      throw new SystemRefusal(`bind ${local.address}:${local.port}`, errno);
    }
    return fd;
  }

  /** The port that the system has chosen; 0: it does not say. */
  portOf(fd: number): number {
    const address = Buffer.alloc(SOCKADDR_IN6_BYTES);
    const done = this.#libc.getsockname(fd, address, nativeInt(address.length));
    return done === 0 ? address.readUInt16BE(2) : 0;
  }

  /** The TOS byte of IPv4, the traffic class of IPv6: 0–255. */
  setTos(fd: number, family: AddressFamily, tos: number): void {
    if (family === 4) {
      this.#libc.setsockopt(fd, IPPROTO_IP, IP_TOS, nativeInt(tos), 4);
    } else {
      this.#libc.setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, nativeInt(tos), 4);
    }
  }

  /** Undefined: it is on its way; otherwise the error's name. */
  send(fd: number, packet: Uint8Array, to: TransportAddress): string | undefined {
    const address = socketAddress(to);
    if (address === undefined) {
      return 'EINVAL';
    }
    const data = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = this.#libc.sendto(fd, data, data.length, flags, address.bytes, address.bytes.length);
    return sent >= 0 ? undefined : errorName(this.#libc.errno());
  }

  /** @throws SystemRefusal */
  createEpoll(): number {
    return this.#descriptor('epoll_create1', this.#libc.epollCreate(EPOLL_CLOEXEC));
  }

  /** A counter that wakes who waits for it. @throws SystemRefusal */
  createEvent(): number {
    return this.#descriptor('eventfd', this.#libc.eventfd(0, SOCK_CLOEXEC | EFD_NONBLOCK));
  }

  signalEvent(fd: number): void {
    this.#libc.write(fd, ONE, ONE.length);
  }

  close(fd: number): void {
    this.#libc.close(fd);
  }

  #descriptor(call: string, fd: number): number {
    if (fd < 0) {
      throw new SystemRefusal(call, this.#libc.errno());
    }
    return fd;
  }
}

/** What an eventfd adds up: a 64-bit integer of the machine. */
const ONE = Buffer.from(BigUint64Array.of(1n).buffer);
