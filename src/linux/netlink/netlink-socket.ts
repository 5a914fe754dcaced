/**
 * A socket to the kernel's network configuration. A question is answered before its call returns, so nobody waits; what
 * has changed is fetched when it is asked for. Nothing here needs a privilege but to change filters.
 */
import { constants } from 'node:os';
import { type LibC, loadLibC } from '../libc.ts';
import { errorName, nativeInt } from '../socket-address.ts';
import { errorOf, type NetlinkMessage, NLMSG_DONE, NLMSG_ERROR, parseMessages } from './message.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SOCKADDR_NL_BYTES = 12;

/** A dump comes in datagrams of at most this, bytes. */
const DATAGRAM_BYTES = 32_768;
/** What may come between two looks: 1 MiB are some thousands of changes. */
const NOTIFICATION_BUFFER_BYTES = 1 << 20;
/** Datagrams that one call reads at most. */
const MAX_DATAGRAMS = 4096;

/** RTNLGRP_… of rtnetlink.h as bits of an address: links, neighbours, addresses, routes and rules of both families. */
export const CHANGES = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x40000;

export type NetlinkAnswer =
  | { readonly ok: true; readonly messages: readonly NetlinkMessage[] }
  /** errno(3). */
  | { readonly ok: false; readonly errno: number };

export interface NetlinkChanges {
  readonly messages: readonly NetlinkMessage[];
  /** More came than there was room for: whatever was known is to be asked for again. */
  readonly overflowed: boolean;
}

export class NetlinkSocket {
  readonly #libc: LibC;
  readonly #buffer = Buffer.alloc(DATAGRAM_BYTES);
  #fd: number;
  #sequence = 0;

  private constructor(libc: LibC, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** @param groups what `changes` gives; 0: nothing. A text instead says why there is none. */
  static open(groups = 0): NetlinkSocket | string {
    const libc = loadLibC();
    if (libc === undefined) {
      return 'koffi has no binary for this system';
    }
    const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
      return `netlink socket ${errorName(libc.errno())}`;
    }
    if (groups !== 0) {
      libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, nativeInt(NOTIFICATION_BUFFER_BYTES), 4);
    }
    const address = Buffer.alloc(SOCKADDR_NL_BYTES);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(groups, 8);
    if (libc.bind(fd, address, address.length) !== 0) {
      const reason = `netlink bind ${errorName(libc.errno())}`;
      libc.close(fd);
      return reason;
    }
    return new NetlinkSocket(libc, fd);
  }

  /** Only on a socket without groups. `format` is given the number that the answer carries. */
  ask(format: (sequence: number) => Buffer): NetlinkAnswer {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const request = format(this.#sequence);
    const kernel = Buffer.alloc(SOCKADDR_NL_BYTES);
    kernel.writeUInt16LE(AF_NETLINK, 0);
    if (this.#libc.sendto(this.#fd, request, request.length, MSG_DONTWAIT, kernel, kernel.length) < 0) {
      return { ok: false, errno: this.#libc.errno() };
    }
    const messages: NetlinkMessage[] = [];
    for (let count = 0; count < MAX_DATAGRAMS; count += 1) {
      const received = this.#receive();
      if (typeof received === 'number') {
        return { ok: false, errno: received };
      }
      for (const message of received) {
        if (message.sequence !== this.#sequence) {
          continue;
        }
        if (message.type === NLMSG_ERROR) {
          const errno = errorOf(message);
          return errno === 0 ? { ok: true, messages } : { ok: false, errno };
        }
        if (message.type === NLMSG_DONE) {
          return { ok: true, messages };
        }
        messages.push(message);
        if ((message.flags & NLM_F_MULTI) === 0) {
          return { ok: true, messages };
        }
      }
    }
    return { ok: false, errno: constants.errno.EMSGSIZE };
  }

  /** What has changed since the last call, on a socket with groups. */
  changes(): NetlinkChanges {
    const messages: NetlinkMessage[] = [];
    for (let count = 0; count < MAX_DATAGRAMS; count += 1) {
      const received = this.#receive();
      if (typeof received === 'number') {
        return { messages, overflowed: received === constants.errno.ENOBUFS };
      }
      messages.push(...received);
    }
    return { messages, overflowed: true };
  }

  /** Idempotent. */
  close(): void {
    if (this.#fd >= 0) {
      this.#libc.close(this.#fd);
      this.#fd = -1;
    }
  }

  #receive(): NetlinkMessage[] | number {
    const length = this.#libc.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
    // Messages keep parts of the datagram.
    return length < 0 ? this.#libc.errno() : parseMessages(Buffer.from(this.#buffer.subarray(0, length)));
  }
}

/** One of several messages, the last of which is an NLMSG_DONE. */
const NLM_F_MULTI = 0x2;
