/**
 * Copies of tapped packets on their way from a worker to the control thread: a ring in shared memory with one writer
 * and one reader. What finds no room is lost, so a slow disk never holds media up.
 *
 * ```
 *  written │ read │ announced │ -   then records: length, session, side and component, sockaddr (7 words), packet
 * ```
 *
 * Positions count bytes modulo 2^32. A record lies in one piece; where the end of the ring is too near, a length of
 * -1 sends the reader to its start.
 */
import type { Component, SessionId, Side } from '../../relay/plane.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { AddressBook } from './addresses.ts';

const HEADER_BYTES = 16;
/** A power of two: 1 s of 50 recorded calls, and more than the longest packet. */
const RING_BYTES = 1 << 20;
const RECORD_WORDS = 10;
const RECORD_BYTES = RECORD_WORDS * 4;
const SOURCE_WORDS = 7;
const SKIP = -1;

const WRITTEN = 0;
const READ = 1;
const ANNOUNCED = 2;

export type CopyTaker = (
  session: SessionId,
  side: Side,
  component: Component,
  packet: Uint8Array,
  source: TransportAddress,
) => void;

export class CopyRing {
  readonly memory: SharedArrayBuffer;
  readonly #state: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #book = new AddressBook();

  constructor(memory = new SharedArrayBuffer(HEADER_BYTES + RING_BYTES)) {
    this.memory = memory;
    this.#state = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.#words = new Int32Array(memory, HEADER_BYTES);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
  }

  /** The writer's. False: there is no room. */
  write(session: SessionId, side: Side, component: Component, packet: Uint8Array, source: Int32Array): boolean {
    const size = RECORD_BYTES + ((packet.length + 3) & ~3);
    let written = Atomics.load(this.#state, WRITTEN) >>> 0;
    const used = (written - Atomics.load(this.#state, READ)) >>> 0;
    const toEnd = RING_BYTES - (written & (RING_BYTES - 1));
    const skipped = toEnd < size ? toEnd : 0;
    if (used + skipped + size > RING_BYTES) {
      return false;
    }
    if (skipped > 0) {
      this.#words[(written & (RING_BYTES - 1)) >> 2] = SKIP;
      written += skipped;
    }
    const at = written & (RING_BYTES - 1);
    const words = this.#words;
    words[at >> 2] = packet.length;
    words[(at >> 2) + 1] = session;
    words[(at >> 2) + 2] = side | (component === 'rtp' ? 0 : 2);
    words.set(source.subarray(0, SOURCE_WORDS), (at >> 2) + 3);
    this.#bytes.set(packet, at + RECORD_BYTES);
    Atomics.store(this.#state, WRITTEN, (written + size) | 0);
    return true;
  }

  /** The writer's, after it has written. False: the reader is told already. */
  announce(): boolean {
    return Atomics.exchange(this.#state, ANNOUNCED, 1) === 0;
  }

  /** The reader's: everything that is there; the bytes are only valid during the call. */
  drain(take: CopyTaker): void {
    Atomics.store(this.#state, ANNOUNCED, 0);
    const written = Atomics.load(this.#state, WRITTEN) >>> 0;
    let read = Atomics.load(this.#state, READ) >>> 0;
    while (read !== written) {
      const at = read & (RING_BYTES - 1);
      const length = this.#words[at >> 2] ?? 0;
      if (length === SKIP) {
        read = (read + RING_BYTES - at) >>> 0;
      } else {
        this.#hand(at, length, take);
        read = (read + RECORD_BYTES + ((length + 3) & ~3)) >>> 0;
      }
      Atomics.store(this.#state, READ, read | 0);
    }
  }

  #hand(at: number, length: number, take: CopyTaker): void {
    const word = at >> 2;
    const flags = this.#words[word + 2] ?? 0;
    const source = this.#book.address(this.#words.slice(word + 3, word + 3 + SOURCE_WORDS));
    if (source !== undefined) {
      // A copy of its own: files are written later, and a shared buffer is not taken by every call of Node.
      const packet = this.#bytes.slice(at + RECORD_BYTES, at + RECORD_BYTES + length);
      const session = (this.#words[word + 1] ?? 0) as SessionId;
      take(session, (flags & 1) as Side, (flags & 2) === 0 ? 'rtp' : 'rtcp', packet, source);
    }
  }
}
