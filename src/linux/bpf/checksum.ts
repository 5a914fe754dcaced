/**
 * The Internet checksum (RFC 1071) as the kernel computes with it: sums of 16-bit words, as a little-endian machine
 * reads them, in 32 bits with the carry added back. A sum and its bytes swapped are worth the same.
 */

/** Adds the words of `bytes`; an odd last byte counts as the first one of a word. */
export function sumWords(bytes: Uint8Array, seed = 0): number {
  let sum = seed;
  for (let at = 0; at < bytes.length; at += 2) {
    sum = addSums(sum, (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
  }
  return sum;
}

export function addSums(left: number, right: number): number {
  const sum = left + right;
  return sum > 0xffffffff ? sum - 0xffffffff : sum;
}

export function subtractSums(left: number, right: number): number {
  return addSums(left, invert(right));
}

export function invert(sum: number): number {
  return ~sum >>> 0;
}

/** The 16 bits that are written into a header: the complement of the sum. */
export function foldSum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return ~((once & 0xffff) + (once >>> 16)) & 0xffff;
}
