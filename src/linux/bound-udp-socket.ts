/**
 * A bound UDP socket that this process never reads: it is there to be handed to a child. Node's own sockets would be
 * read by the event loop from the moment they are bound.
 */
import { constants, endianness } from 'node:os';
import { parseIpv4, parseIpv6, type TransportAddress } from '../wire/ip-address.ts';
import { type LibC, loadLibC } from './libc.ts';

const AF_INET = 2;
const AF_INET6 = 10;
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

/**
 * ```
 *  sockaddr_in    family:2  port:2 (network order)  address:4  zero:8
 *  sockaddr_in6   family:2  port:2 (network order)  flow information:4  address:16  scope:4
 * ```
 */
function socketAddress({ address, port }: TransportAddress): { family: number; bytes: Buffer } | undefined {
  const ipv4 = parseIpv4(address);
  const ipv6 = ipv4 === undefined ? parseIpv6(address) : undefined;
  const ip = ipv4 ?? ipv6;
  if (ip === undefined) {
    return undefined;
  }
  const family = ipv4 === undefined ? AF_INET6 : AF_INET;
  const bytes = Buffer.alloc(family === AF_INET ? 16 : 28);
  nativeInt(family).copy(bytes, 0, endianness() === 'LE' ? 0 : 2, endianness() === 'LE' ? 2 : 4);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ip, family === AF_INET ? 4 : 8);
  return { family, bytes };
}

/** An int as this machine stores it. */
function nativeInt(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer);
}

function errorName(errno: number): string {
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
  return name ?? `errno ${errno}`;
}
