/**
 * A bound UDP socket that this process never reads: it is there to be handed to a child. Node's own sockets would be
 * read by the event loop from the moment they are bound.
 */
import { constants } from 'node:os';
import type { TransportAddress } from '../wire/ip-address.ts';
import { type LibC, loadLibC } from './libc.ts';
import { AF_INET6, errorName, nativeInt, socketAddress } from './socket-address.ts';

const SOCK_DGRAM = 2;
/** No other program that is started meanwhile inherits it. */
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

export interface BoundUdpSocket {
  readonly fd: number;
  /** Idempotent. Those that inherited the socket keep it. */
  close(): void;
}

export type BindOutcome =
  | { readonly kind: 'bound'; readonly socket: BoundUdpSocket }
  /** EADDRINUSE: somebody holds the port. */
  | { readonly kind: 'in-use' }
  /** Not on this system, or not at this address. */
  | { readonly kind: 'unavailable'; readonly reason: string };

/** Without SO_REUSEADDR: as long as it is open nobody else has the port. Never throws. */
export function bindUdpSocket(target: TransportAddress): BindOutcome {
  const libc = loadLibC();
  const address = socketAddress(target);
  if (libc === undefined || address === undefined) {
    return { kind: 'unavailable', reason: libc === undefined ? 'no system calls from here' : 'not an IP address' };
  }
  const fd = libc.socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return { kind: 'unavailable', reason: errorName(libc.errno()) };
  }
  if (address.family === AF_INET6) {
    libc.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, nativeInt(1), 4);
  }
  if (libc.bind(fd, address.bytes, address.bytes.length) === 0) {
    return { kind: 'bound', socket: new HeldSocket(libc, fd) };
  }
  const error = libc.errno();
  libc.close(fd);
  return error === constants.errno.EADDRINUSE ? { kind: 'in-use' } : { kind: 'unavailable', reason: errorName(error) };
}

class HeldSocket implements BoundUdpSocket {
  readonly fd: number;
  readonly #libc: LibC;
  #isOpen = true;

  constructor(libc: LibC, fd: number) {
    this.#libc = libc;
    this.fd = fd;
  }

  close(): void {
    if (this.#isOpen) {
      this.#isOpen = false;
      this.#libc.close(this.fd);
    }
  }
}
