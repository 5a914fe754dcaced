/**
 * struct sockaddr_in and sockaddr_in6.
 *
 * ```
 *  sockaddr_in    family:2  port:2 (network order)  address:4  zero:8
 *  sockaddr_in6   family:2  port:2 (network order)  flow information:4  address:16  scope:4
 * ```
 */
import { constants, endianness } from 'node:os';
import { parseIpv4, parseIpv6, type TransportAddress } from '../wire/ip-address.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;

export interface SocketAddress {
  readonly family: number;
  readonly bytes: Buffer;
}

/** Undefined: not an IP literal. An IPv6 scope is written as its number: `fe80::1%2`. */
export function socketAddress({ address, port }: TransportAddress): SocketAddress | undefined {
  const [literal = '', scope = '0'] = address.split('%');
  const ipv4 = parseIpv4(address);
  const ip = ipv4 ?? parseIpv6(literal);
  if (ip === undefined) {
    return undefined;
  }
  const family = ipv4 === undefined ? AF_INET6 : AF_INET;
  const bytes = Buffer.alloc(family === AF_INET ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  nativeInt(family).copy(bytes, 0, endianness() === 'LE' ? 0 : 2, endianness() === 'LE' ? 2 : 4);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ip, family === AF_INET ? 4 : 8);
  if (family === AF_INET6) {
    nativeInt(Number(scope) | 0).copy(bytes, 24);
  }
  return { family, bytes };
}

/** An int as this machine stores it. */
export function nativeInt(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer);
}

/** `EADDRINUSE`; a number that the table does not have as it is. */
export function errorName(errno: number): string {
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
  return name ?? `errno ${errno}`;
}
