/**
 * All flows of one kind from one side: a ring of slots, one a call, each with its datagram, its destination and its
 * struct mmsghdr side by side in one arena. So a run of neighbouring calls goes out in one sendmmsg(2), with nothing
 * written but the few words that differ from packet to packet.
 *
 * A flow is also what is known about its packets' arrival: which numbers came, which came twice.
 */
import { Arena, sendMessages, socketAddress } from './kernel.ts';
import { type PacketShape, stamp, writeTemplate } from './packets.ts';

/** struct mmsghdr, struct iovec and struct sockaddr_in of a 64-bit Linux, bytes. */
export const MESSAGE_BYTES = 64;
export const VECTOR_BYTES = 16;
export const NAME_BYTES = 16;

/** Numbers before the newest that are remembered, to tell a late packet from one that came twice. */
const HISTORY = 32;

export type Arrival = 'new' | 'reordered' | 'duplicate' | 'before-mark';

export interface FlowCounts {
  readonly sent: number;
  readonly received: number;
}

export class FlowRing {
  readonly shape: PacketShape;
  readonly side: 0 | 1;
  readonly #arena: Arena;
  readonly #vectors: number;
  readonly #names: number;
  readonly #packets: number;
  readonly #isActive: Uint8Array;
  readonly #serial: Uint32Array;
  /** The relay's port that the flow is sent to, in network order as recvmmsg(2) tells it. */
  readonly #port: Uint32Array;
  /** Sequence of the next packet; of the first one that is counted; of the newest that arrived, plus one. */
  readonly #next: Uint32Array;
  readonly #mark: Uint32Array;
  readonly #newest: Uint32Array;
  /** Bit n: the packet n + 1 before the newest has arrived. */
  readonly #history: Uint32Array;
  readonly #received: Uint32Array;

  constructor(shape: PacketShape, side: 0 | 1, capacity: number, relayAddress: string) {
    this.shape = shape;
    this.side = side;
    this.#vectors = capacity * MESSAGE_BYTES;
    this.#names = this.#vectors + capacity * VECTOR_BYTES;
    this.#packets = this.#names + capacity * NAME_BYTES;
    this.#arena = new Arena(this.#packets + capacity * shape.words * 4);
    for (let slot = 0; slot < capacity; slot++) {
      const message = slot * MESSAGE_BYTES;
      const vector = this.#vectors + slot * VECTOR_BYTES;
      const name = this.#names + slot * NAME_BYTES;
      this.#arena.setPointer(message, this.#arena.address + name);
      this.#arena.words[message / 4 + 2] = NAME_BYTES;
      this.#arena.setPointer(message + 16, this.#arena.address + vector);
      this.#arena.setPointer(message + 24, 1);
      this.#arena.setPointer(vector, this.#arena.address + this.#packets + slot * shape.words * 4);
      this.#arena.setPointer(vector + 8, shape.words * 4);
      this.#arena.bytes.set(socketAddress(relayAddress, 0), name);
    }
    this.#isActive = new Uint8Array(capacity);
    this.#serial = new Uint32Array(capacity);
    this.#port = new Uint32Array(capacity);
    this.#next = new Uint32Array(capacity);
    this.#mark = new Uint32Array(capacity);
    this.#newest = new Uint32Array(capacity);
    this.#history = new Uint32Array(capacity);
    this.#received = new Uint32Array(capacity);
  }

  get words(): Uint32Array {
    return this.#arena.words;
  }

  /** A new call in a slot that has none; to be sent to this port of the relay. */
  start(slot: number, serial: number, relayPort: number): void {
    writeTemplate(this.words, this.templateAt(slot), this.shape, { slot, side: this.side, serial });
    const name = this.#names + slot * NAME_BYTES;
    this.#arena.bytes.writeUInt16BE(relayPort, name + 2);
    this.#port[slot] = this.#arena.bytes.readUInt16LE(name + 2);
    this.#serial[slot] = serial;
    for (const numbers of [this.#next, this.#mark, this.#newest, this.#history, this.#received]) {
      numbers[slot] = 0;
    }
    this.#isActive[slot] = 1;
  }

  /** No more packets of it are sent; what is under way is still counted. */
  stop(slot: number): void {
    this.#isActive[slot] = 0;
  }

  isActive(slot: number): boolean {
    return this.#isActive[slot] === 1;
  }

  isOf(slot: number, serial: number): boolean {
    return this.#serial[slot] === serial;
  }

  /** The relay's port towards this side of the call, in network order. */
  portOf(slot: number): number {
    return this.#port[slot] ?? 0;
  }

  /** Index in `words` at which the flow's packet stands. */
  templateAt(slot: number): number {
    return this.#packets / 4 + slot * this.shape.words;
  }

  /** Sends the next packet of each of these active neighbours; returns how many the system took. */
  send(fd: number, firstSlot: number, count: number, seconds: number, nanoseconds: number): number {
    for (let slot = firstSlot; slot < firstSlot + count; slot++) {
      const sequence = this.#next[slot] ?? 0;
      stamp(this.words, this.templateAt(slot), this.shape, sequence, seconds, nanoseconds);
      this.#next[slot] = sequence + 1;
    }
    const taken = sendMessages(fd, this.#arena.address + firstSlot * MESSAGE_BYTES, count);
    for (let slot = firstSlot + taken; slot < firstSlot + count; slot++) {
      this.#next[slot] = (this.#next[slot] ?? 0) - 1;
    }
    return taken;
  }

  /** Notes that the packet with this number has arrived. */
  arrived(slot: number, sequence: number): Arrival {
    const newest = this.#newest[slot] ?? 0;
    const history = this.#history[slot] ?? 0;
    const kind = this.#place(slot, sequence, newest, history);
    if (kind === 'duplicate') {
      return kind;
    }
    if (sequence < (this.#mark[slot] ?? 0)) {
      return 'before-mark';
    }
    this.#received[slot] = (this.#received[slot] ?? 0) + 1;
    return kind;
  }

  /** From here on packets are counted; those before are not, even if they arrive later. */
  markAll(): void {
    this.#mark.set(this.#next);
    this.#received.fill(0);
  }

  counts(slot: number): FlowCounts {
    return { sent: (this.#next[slot] ?? 0) - (this.#mark[slot] ?? 0), received: this.#received[slot] ?? 0 };
  }

  /** Over all slots, of calls that go on and of those whose slot nobody took since. */
  total(): FlowCounts {
    let sent = 0;
    let received = 0;
    for (let slot = 0; slot < this.#next.length; slot++) {
      const counts = this.counts(slot);
      sent += counts.sent;
      received += counts.received;
    }
    return { sent, received };
  }

  #place(slot: number, sequence: number, newest: number, history: number): Exclude<Arrival, 'before-mark'> {
    const ahead = sequence + 1 - newest;
    if (ahead > 0) {
      this.#newest[slot] = sequence + 1;
      // The former newest becomes bit `ahead - 1`; before the first packet there is none.
      const former = newest === 0 ? 0 : 1;
      this.#history[slot] =
        ahead > HISTORY ? 0 : ahead === HISTORY ? former << 31 : (history << ahead) | (former << (ahead - 1));
      return 'new';
    }
    const bit = -ahead - 1;
    if (bit < 0 || (bit < HISTORY && (history & (1 << bit)) !== 0)) {
      return 'duplicate';
    }
    if (bit < HISTORY) {
      this.#history[slot] = history | (1 << bit);
    }
    return 'reordered';
  }
}
