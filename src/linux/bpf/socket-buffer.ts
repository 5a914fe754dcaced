/** A packet at the tc hook as the interpreter sees it: bytes, and what the kernel knows about them. */
import { addSums, foldSum, invert, subtractSums, sumWords } from './checksum.ts';
import { MARK_MANGLED_0, PSEUDO_HEADER, RECOMPUTE_CHECKSUM } from './helpers.ts';

/**
 * Who is to check or complete the checksum of UDP. `partial`: it is still to be computed, and the header holds the sum
 * of the pseudo-header only (from a virtual machine or veth). `complete`: the hardware has summed up everything behind
 * the Ethernet header into `sum`.
 */
export type ChecksumState = 'none' | 'partial' | 'complete';

const ETHERNET_BYTES = 14;
const SIZE_MASK = 0x0f;
const L4_FLAGS = PSEUDO_HEADER | MARK_MANGLED_0 | SIZE_MASK;

const EINVAL = -22;
const EFAULT = -14;
const ENOMEM = -12;

export interface PacketFacts {
  readonly checksum?: ChecksumState;
  /** How much of the packet lies in one piece; the rest must be pulled. */
  readonly linearBytes?: number;
  /** 0: for this host; 3: for another one. */
  readonly packetType?: number;
  readonly vlanPresent?: boolean;
  /** Not 0: several packets in one. */
  readonly gsoSize?: number;
}

export class SocketBuffer {
  readonly bytes: Uint8Array;
  readonly checksum: ChecksumState;
  readonly packetType: number;
  readonly vlanPresent: boolean;
  readonly gsoSize: number;
  linearBytes: number;
  mark = 0;
  /** With `complete`: of everything behind the Ethernet header. */
  sum: number;

  /** `frame` begins with an Ethernet header; it is copied. */
  constructor(frame: Uint8Array, facts: PacketFacts = {}) {
    this.bytes = Uint8Array.from(frame);
    this.checksum = facts.checksum ?? 'none';
    this.linearBytes = Math.min(facts.linearBytes ?? frame.length, frame.length);
    this.packetType = facts.packetType ?? 0;
    this.vlanPresent = facts.vlanPresent ?? false;
    this.gsoSize = facts.gsoSize ?? 0;
    this.sum = sumWords(frame.subarray(ETHERNET_BYTES));
  }

  /** EtherType as the field of the context has it: in network order. */
  get protocol(): number {
    return (this.bytes[12] ?? 0) | ((this.bytes[13] ?? 0) << 8);
  }

  /** Whether `sum` is that of the bytes: what the next host would check by. */
  get sumHolds(): boolean {
    return foldSum(this.sum) === foldSum(sumWords(this.bytes.subarray(ETHERNET_BYTES)));
  }

  pullData(length: number): number {
    if (length > this.bytes.length) {
      return ENOMEM;
    }
    this.linearBytes = Math.max(this.linearBytes, length);
    return 0;
  }

  storeBytes(offset: number, data: Uint8Array, flags: number): number {
    if ((flags & ~RECOMPUTE_CHECKSUM) !== 0) {
      return EINVAL;
    }
    if (offset < 0 || offset + data.length > this.bytes.length) {
      return EFAULT;
    }
    if ((flags & RECOMPUTE_CHECKSUM) !== 0 && this.checksum === 'complete') {
      const old = this.bytes.subarray(offset, offset + data.length);
      this.sum = addSums(subtractSums(this.sum, sumWords(old)), sumWords(data));
    }
    this.bytes.set(data, offset);
    return 0;
  }

  l4ChecksumReplace(offset: number, from: number, to: number, flags: number): number {
    const size = flags & SIZE_MASK;
    if ((flags & ~L4_FLAGS) !== 0 || (size === 0 && from !== 0) || ![0, 2, 4].includes(size)) {
      return EINVAL;
    }
    if (offset < 0 || offset % 2 !== 0 || offset + 2 > this.bytes.length) {
      return EFAULT;
    }
    const marksNone = (flags & MARK_MANGLED_0) !== 0;
    const isPseudo = (flags & PSEUDO_HEADER) !== 0;
    const old = this.#readSum(offset);
    if (marksNone && old === 0) {
      return 0;
    }
    const difference = this.#difference(from, to, size);
    if (this.checksum === 'partial') {
      if (isPseudo) {
        this.#writeSum(offset, ~foldSum(addSums(difference, old)) & 0xffff);
      }
    } else {
      this.#writeSum(offset, foldSum(addSums(difference, invert(old))));
      if (this.checksum === 'complete' && isPseudo) {
        // The kernel takes it that the address itself is written without RECOMPUTE, as in IPv4 beside its own sum.
        this.sum = invert(subtractSums(difference, this.sum));
      }
    }
    if (marksNone && this.#readSum(offset) === 0) {
      this.#writeSum(offset, 0xffff);
    }
    return 0;
  }

  #difference(from: number, to: number, size: number): number {
    return size === 0 ? to : subtractSums(to, from);
  }

  #readSum(offset: number): number {
    return (this.bytes[offset] ?? 0) | ((this.bytes[offset + 1] ?? 0) << 8);
  }

  #writeSum(offset: number, sum: number): void {
    this.bytes[offset] = sum & 0xff;
    this.bytes[offset + 1] = sum >>> 8;
  }
}
