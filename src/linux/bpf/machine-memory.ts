/**
 * What the interpreter's pointers point to. Each piece of memory has a range of addresses of its own, far from the
 * others, so a pointer that leaves its piece is found, and one that was kept too long as well.
 */
import type { Size } from './instructions.ts';

/** What the kernel's verifier would have refused, or a bug of a helper's caller. */
export class MachineFault extends Error {}

const RANGE_BITS = 32n;
/** In the middle of its range, so that an offset below 0 stays inside it. */
const BASE = 1n << 31n;

const BYTES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const satisfies Record<Size, number>;

interface Piece {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
  /** Bytes from the start that can be reached. */
  reach: number;
  valid: boolean;
}

export class MachineMemory {
  readonly #pieces: Piece[] = [];

  /** The address of the first byte. */
  add(what: string, bytes: Uint8Array, writable: boolean, reach = bytes.length): bigint {
    this.#pieces.push({ what, bytes, writable, reach, valid: true });
    // Never 0, which is NULL, and above whatever a number of the program might be.
    return (BigInt(this.#pieces.length + 0x100) << RANGE_BITS) + BASE;
  }

  /** Every pointer into this piece is stale from now on. */
  invalidate(address: bigint): void {
    this.#pieceAt(address).piece.valid = false;
  }

  load(size: Size, address: bigint): bigint {
    const bytes = this.bytes(address, BYTES[size], false);
    let value = 0n;
    for (let index = bytes.length - 1; index >= 0; index -= 1) {
      value = (value << 8n) | BigInt(bytes[index] ?? 0);
    }
    return value;
  }

  store(size: Size, address: bigint, value: bigint): void {
    const bytes = this.bytes(address, BYTES[size], true);
    for (let index = 0; index < bytes.length; index += 1) {
      bytes[index] = Number((value >> BigInt(8 * index)) & 0xffn);
    }
  }

  /** @throws MachineFault unless all of it can be reached */
  bytes(address: bigint, length: number, toWrite: boolean): Uint8Array {
    const { piece, offset } = this.#pieceAt(address);
    if (!piece.valid) {
      throw new MachineFault(`${piece.what}: a pointer from before the packet moved`);
    }
    if (offset < 0 || offset + length > piece.reach) {
      throw new MachineFault(`${piece.what}: ${length} bytes at ${offset} of ${piece.reach}`);
    }
    if (toWrite && !piece.writable) {
      throw new MachineFault(`${piece.what}: written to`);
    }
    return piece.bytes.subarray(offset, offset + length);
  }

  #pieceAt(address: bigint): { piece: Piece; offset: number } {
    const piece = this.#pieces[Number(address >> RANGE_BITS) - 0x101];
    if (piece === undefined) {
      throw new MachineFault(`0x${address.toString(16)} is no pointer`);
    }
    return { piece, offset: Number((address & 0xffffffffn) - BASE) };
  }
}
