/** Room for the datagrams of one recvmmsg(2), each with its source and the kernel's timestamp. */
import { MESSAGE_BYTES, NAME_BYTES, VECTOR_BYTES } from './flow-ring.ts';
import { Arena, receiveMessages } from './kernel.ts';

const MESSAGES = 64;
/** Longer than anything that we send: what is longer comes cut, and is wrong for that. */
const PACKET_BYTES = 256;
/** CMSG_SPACE of one struct timespec. */
const CONTROL_BYTES = 32;

const VECTORS = MESSAGES * MESSAGE_BYTES;
const NAMES = VECTORS + MESSAGES * VECTOR_BYTES;
const CONTROLS = NAMES + MESSAGES * NAME_BYTES;
const PACKETS = CONTROLS + MESSAGES * CONTROL_BYTES;

export class ReceiveRing {
  readonly #arena = new Arena(PACKETS + MESSAGES * PACKET_BYTES);

  constructor() {
    for (let index = 0; index < MESSAGES; index++) {
      const message = index * MESSAGE_BYTES;
      const vector = VECTORS + index * VECTOR_BYTES;
      const { address } = this.#arena;
      this.#arena.setPointer(message, address + NAMES + index * NAME_BYTES);
      this.#arena.words[message / 4 + 2] = NAME_BYTES;
      this.#arena.setPointer(message + 16, address + vector);
      this.#arena.setPointer(message + 24, 1);
      this.#arena.setPointer(message + 32, address + CONTROLS + index * CONTROL_BYTES);
      this.#arena.setPointer(message + 40, CONTROL_BYTES);
      this.#arena.setPointer(vector, address + PACKETS + index * PACKET_BYTES);
      this.#arena.setPointer(vector + 8, PACKET_BYTES);
    }
  }

  get words(): Uint32Array {
    return this.#arena.words;
  }

  /** How many datagrams came; fewer than `capacity`: there are no more. */
  receive(fd: number): number {
    return receiveMessages(fd, this.#arena.address, MESSAGES);
  }

  get capacity(): number {
    return MESSAGES;
  }

  length(index: number): number {
    return this.words[index * (MESSAGE_BYTES / 4) + 14] ?? 0;
  }

  /** Index in `words` at which the datagram stands. */
  packetAt(index: number): number {
    return PACKETS / 4 + index * (PACKET_BYTES / 4);
  }

  /** The port that it was sent from, in network order. */
  sourcePort(index: number): number {
    return (this.words[NAMES / 4 + index * (NAME_BYTES / 4)] ?? 0) >>> 16;
  }

  /** When it was sent on, wall clock. */
  seconds(index: number): number {
    return this.words[CONTROLS / 4 + index * (CONTROL_BYTES / 4) + 4] ?? 0;
  }

  nanoseconds(index: number): number {
    return this.words[CONTROLS / 4 + index * (CONTROL_BYTES / 4) + 6] ?? 0;
  }
}
