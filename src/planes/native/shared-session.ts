/**
 * What the thread that moves a session's packets tells the control thread without a message: counters, and who the
 * parties are. One writer, one reader; written before a packet leaves, so that whoever has seen the packet finds it
 * counted. The counters themselves lie here; nothing is copied.
 *
 * ```
 *  leg 0: LEG_CELLS numbers │ remote │ source        leg 1: the same
 *  an address: version │ family, port │ four words │ scope │ -      the version is odd while it is written
 * ```
 */
import { clearLegCells, LEG_CELLS, LegCounters } from '../../relay/media/counters.ts';
import type { Side } from '../../relay/plane.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { AddressBook, encodeAddress, NO_ADDRESS } from './addresses.ts';

const ADDRESS_WORDS = 8;
const ADDRESS_BYTES = ADDRESS_WORDS * 4;
const LEG_BYTES = LEG_CELLS * 8 + 2 * ADDRESS_BYTES;

/** A writer needs nanoseconds; one that died half way never ends. */
const MAX_LOOKS = 1000;

export class SharedLeg {
  readonly counters: LegCounters;
  readonly remote: SharedAddress;
  readonly source: SharedAddress;

  constructor(memory: SharedArrayBuffer, side: Side) {
    const at = side * LEG_BYTES;
    this.counters = new LegCounters(new Float64Array(memory, at, LEG_CELLS));
    this.remote = new SharedAddress(memory, at + LEG_CELLS * 8);
    this.source = new SharedAddress(memory, at + LEG_CELLS * 8 + ADDRESS_BYTES);
  }
}

/** Of a session that has seen nothing yet. */
export function newSharedSession(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(2 * LEG_BYTES);
  for (const side of [0, 1] as const) {
    clearLegCells(new Float64Array(memory, side * LEG_BYTES, LEG_CELLS));
  }
  return memory;
}

export class SharedAddress {
  readonly #words: Int32Array;
  readonly #address: Int32Array;
  /** What was written or read last. */
  #known: TransportAddress | undefined;
  #version = 0;

  constructor(memory: SharedArrayBuffer, at: number) {
    this.#words = new Int32Array(memory, at, ADDRESS_WORDS);
    this.#address = new Int32Array(memory, at + 4, ADDRESS_WORDS - 1);
  }

  /** Costs a comparison when it is the same object as the last time. */
  write(address: TransportAddress | undefined): void {
    if (address === this.#known) {
      return;
    }
    this.#known = address;
    // A writer that died half way has left an odd version.
    this.#version = Atomics.load(this.#words, 0) | 1;
    Atomics.store(this.#words, 0, this.#version);
    if (address === undefined || encodeAddress(address, this.#address) === 0) {
      this.#address[0] = NO_ADDRESS;
    }
    this.#version += 1;
    Atomics.store(this.#words, 0, this.#version);
  }

  read(): TransportAddress | undefined {
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const version = Atomics.load(this.#words, 0);
      if (version === this.#version) {
        break;
      }
      const copy = this.#address.slice();
      if (version % 2 === 0 && Atomics.load(this.#words, 0) === version) {
        this.#version = version;
        this.#known = BOOK.address(copy);
        break;
      }
    }
    return this.#known;
  }
}

const BOOK = new AddressBook();
