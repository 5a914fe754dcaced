/**
 * IP addresses as text and as bytes. Pure: `node:net` is an edge module, and a codec must not import it.
 * Text is the canonical form throughout the project: dotted quad, or RFC 5952 for IPv6.
 */
import type { Brand } from './brand.ts';

/** A UDP or TCP port, 0–65535. */
export type Port = Brand<number, 'Port'>;

export type AddressFamily = 4 | 6;

/** An IP address and a UDP or TCP port. `address` never has brackets. */
export interface TransportAddress {
  readonly address: string;
  readonly port: number;
}

export function isPort(value: number): value is Port {
  return Number.isInteger(value) && value >= 0 && value <= 65535;
}

/** The four bytes of a dotted quad, or undefined. Leading zeros are refused: they read as octal elsewhere. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const value = ipv4Value(text);
  return value === NO_IPV4
    ? undefined
    : Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

const NO_IPV4 = -1;
const DOT = 0x2e;
const ZERO = 0x30;

/** A dotted quad as a number of 32 bits, or NO_IPV4. Several times a SIP message: nothing is allocated. */
function ipv4Value(text: string): number {
  let value = 0;
  let dots = 0;
  let octet = NO_IPV4;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      octet = octet === NO_IPV4 ? digit : octet * 10 + digit;
      if (octet > 255 || (octet === digit && text.charCodeAt(index - 1) === ZERO)) {
        return NO_IPV4;
      }
    } else if (code === DOT && octet !== NO_IPV4 && dots < 3) {
      value = value * 256 + octet;
      dots += 1;
      octet = NO_IPV4;
    } else {
      return NO_IPV4;
    }
  }
  return dots === 3 && octet !== NO_IPV4 ? value * 256 + octet : NO_IPV4;
}

/** The sixteen bytes of an IPv6 literal (RFC 4291 2.2, without brackets and zone), or undefined. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length < 2 || text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) {
    return undefined;
  }
  const halves = text.split('::');
  if (halves.length > 2) {
    return undefined;
  }
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) {
    return undefined;
  }
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) {
    return undefined;
  }
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  for (const [index, group] of groups.entries()) {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group & 0xff;
  }
  return bytes;
}

/**
 * The one spelling that the system uses for an address, so that texts can be compared: dotted quad, or RFC 5952
 * (lower case, the longest run of zero groups as `::`). Undefined when the text is not an IP literal.
 */
export function canonicalAddress(text: string): string | undefined {
  if (ipv4Value(text) !== NO_IPV4) {
    return text;
  }
  const bytes = parseIpv6(text);
  if (bytes === undefined) {
    return undefined;
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0)).toString(16),
  );
  const zeros = [...groups.join(':').matchAll(/\b0(?::0)+\b/g)].map(([run]) => run);
  const longest = zeros.reduce((best, run) => (run.length > best.length ? run : best), '');
  return longest === '' ? groups.join(':') : compressRun(groups.join(':'), longest);
}

/** 4, 6, or undefined when the text is not an IP literal. */
export function familyOf(text: string): AddressFamily | undefined {
  if (ipv4Value(text) !== NO_IPV4) {
    return 4;
  }
  return parseIpv6(text) === undefined ? undefined : 6;
}

export function isWildcard(text: string): boolean {
  const bytes = bytesOf(text);
  return bytes?.every((byte) => byte === 0) ?? false;
}

/** 127.0.0.0/8 and ::1, also in its IPv4-mapped form. */
export function isLoopback(text: string): boolean {
  const quad = ipv4Value(text);
  if (quad !== NO_IPV4) {
    return quad >>> 24 === 127;
  }
  const bytes = addressBytes(text);
  if (bytes === undefined) {
    return false;
  }
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/** RFC 1918, 100.64/10 (RFC 6598), link-local, fc00::/7: addresses that the Internet does not route. */
export function isPrivate(text: string): boolean {
  const bytes = addressBytes(text);
  if (bytes === undefined) {
    return false;
  }
  const [a = 0, b = 0] = bytes;
  if (bytes.length === 16) {
    return (a & 0xfe) === 0xfc || (a === 0xfe && (b & 0xc0) === 0x80);
  }
  return (
    a === 10 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b <= 127) ||
    (a === 169 && b === 254)
  );
}

/** 169.254/16 and fe80::/10. */
export function isLinkLocal(text: string): boolean {
  const bytes = addressBytes(text);
  const [a = 0, b = 0] = bytes ?? [];
  return bytes?.length === 4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80;
}

export function isMulticast(text: string): boolean {
  const bytes = addressBytes(text);
  if (bytes === undefined) {
    return false;
  }
  const [first = 0] = bytes;
  return bytes.length === 4 ? first >= 224 && first <= 239 : first === 0xff;
}

/** Whether two literals name the same address, whatever their spelling. */
export function sameAddress(left: string, right: string): boolean {
  if (left === right) {
    return true;
  }
  const a = addressBytes(left);
  const b = addressBytes(right);
  return a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** An address that one host answers at: nothing is ever sent to a group, to everybody or to nobody. */
export function isUnicast({ address, port }: TransportAddress): boolean {
  if (port <= 0 || port > 65535) {
    return false;
  }
  const quad = ipv4Value(address);
  if (quad !== NO_IPV4) {
    const isGroup = quad >>> 28 === 0xe;
    return !isGroup && quad !== 0 && quad !== 0xffff_ffff;
  }
  return parseIpv6(address) !== undefined && !isMulticast(address) && !isWildcard(address);
}

/** `192.0.2.1:5060` or `[2001:db8::1]:5060`; undefined: it is something else, or the port is 0. */
export function parseEndpoint(text: string): TransportAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = Number(digits);
  const isOne = bracketed === undefined ? familyOf(address) === 4 : familyOf(address) === 6;
  return isOne && port >= 1 && port <= 65_535 ? { address, port } : undefined;
}

/** `198.51.100.1:5060` or `[2001:db8::1]:5060`. */
export function formatTransportAddress(target: TransportAddress): string {
  return target.address.includes(':') ? `[${target.address}]:${target.port}` : `${target.address}:${target.port}`;
}

/** An address as a SIP URI and a Via write it: IPv6 in brackets (RFC 3261 25.1). */
export function formatHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function compressRun(text: string, run: string): string {
  const at = text.search(new RegExp(`(?<![0-9a-f])${run}(?![0-9a-f])`));
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + run.length).replace(/^:/, '')}`;
}

function parseGroups(text: string, dottedTailAllowed: boolean): number[] | undefined {
  if (text === '') {
    return [];
  }
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const quad = dottedTailAllowed && index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (quad === undefined) {
        return undefined;
      }
      groups.push(((quad[0] ?? 0) << 8) | (quad[1] ?? 0), ((quad[2] ?? 0) << 8) | (quad[3] ?? 0));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function bytesOf(text: string): Uint8Array | undefined {
  return parseIpv4(text) ?? parseIpv6(text);
}

/** The address's bytes, an IPv4-mapped IPv6 address (::ffff:a.b.c.d) as the IPv4 address that it stands for. */
export function addressBytes(text: string): Uint8Array | undefined {
  const bytes = bytesOf(text);
  const mapped =
    bytes?.length === 16 &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff;
  return mapped ? bytes.subarray(12) : bytes;
}
