/** Addresses of packets: from the words of a sockaddr to the text that the engine compares, and back. */
import { AF_INET, AF_INET6, SOCKADDR_IN_BYTES, SOCKADDR_IN6_BYTES, socketAddress } from '../../linux/socket-address.ts';
import { canonicalAddress, type TransportAddress } from '../../wire/ip-address.ts';

/** The family of no address. */
export const NO_ADDRESS = 0;

/** A power of two: more addresses than the parties of 1000 calls; those of strangers come and go in it. */
const SLOTS = 4096;
/** Family, four words of address, scope. */
const KEY_WORDS = 6;

/**
 * Words: a sockaddr_in or sockaddr_in6 as 32-bit integers of a little-endian machine, so the first one is the family
 * and the port in network order.
 */
export function portOf(words: Int32Array): number {
  const first = words[0] ?? 0;
  return ((first >>> 8) & 0xff00) | (first >>> 24);
}

/** Remembers texts, so that a packet of a known address makes none. */
export class AddressBook {
  readonly #keys = new Int32Array(SLOTS * KEY_WORDS);
  readonly #texts = new Array<string>(SLOTS).fill('');

  text(words: Int32Array): string {
    const family = (words[0] ?? 0) & 0xffff;
    if (family === AF_INET) {
      return this.#find(AF_INET, words[1] ?? 0, 0, 0, 0, 0);
    }
    return this.#find(family, words[2] ?? 0, words[3] ?? 0, words[4] ?? 0, words[5] ?? 0, words[6] ?? 0);
  }

  address(words: Int32Array): TransportAddress | undefined {
    return ((words[0] ?? 0) & 0xffff) === NO_ADDRESS ? undefined : { address: this.text(words), port: portOf(words) };
  }

  #find(family: number, a: number, b: number, c: number, d: number, scope: number): string {
    const mixed = Math.imul(a ^ Math.imul(b, 31) ^ Math.imul(c, 961) ^ Math.imul(d, 29_791) ^ family, 0x9e3779b1);
    const slot = (mixed >>> 16) & (SLOTS - 1);
    const keys = this.#keys;
    const at = slot * KEY_WORDS;
    if (
      keys[at + 1] !== a ||
      keys[at] !== family ||
      keys[at + 2] !== b ||
      keys[at + 3] !== c ||
      keys[at + 4] !== d ||
      keys[at + 5] !== scope
    ) {
      keys[at] = family;
      keys[at + 1] = a;
      keys[at + 2] = b;
      keys[at + 3] = c;
      keys[at + 4] = d;
      keys[at + 5] = scope;
      this.#texts[slot] = family === AF_INET ? ipv4Text(a) : family === AF_INET6 ? ipv6Text([a, b, c, d], scope) : '';
    }
    return this.#texts[slot] ?? '';
  }
}

/** Fills `words` with a sockaddr and returns its length, 0 when the text is no IP address. */
export function encodeAddress(address: TransportAddress, words: Int32Array): number {
  const encoded = socketAddress(address);
  if (encoded === undefined) {
    return 0;
  }
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength).set(encoded.bytes);
  return encoded.family === AF_INET ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES;
}

function ipv4Text(word: number): string {
  return `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`;
}

function ipv6Text(words: readonly number[], scope: number): string {
  const groups = words.flatMap((word) => [
    ((word & 0xff) << 8) | ((word >>> 8) & 0xff),
    ((word >>> 8) & 0xff00) | (word >>> 24),
  ]);
  const text = groups.map((group) => group.toString(16)).join(':');
  return `${canonicalAddress(text) ?? text}${scope === 0 ? '' : `%${scope}`}`;
}
