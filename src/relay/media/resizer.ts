/**
 * Re-packetising (modifier `Z`): what a party sends leaves in packets of another length. Audio is cut at frames of its
 * codec and nothing is decoded. Sequence numbers are counted anew, so that they stay contiguous, also for packets of
 * other payload types, which pass as they are; a time stamp is that of a packet's first sample.
 */
import { markerOf, payloadTypeOf, sequenceNumberOf, ssrcOf, timestampOf } from './packet.ts';

const HEADER_BYTES = 12;
const TICKS_PER_MS = 8;

/** Audio of a party that waits for the rest of its packet goes out after this, at the latest: max(2n, 40) ms. */
const SHORTEST_WAIT_MS = 40;

/** Pieces kept for one packet; a party that sends one sample a packet fills no memory. */
const MAX_PIECES = 100;

interface Framing {
  /** Bytes that belong together, and how long they last. */
  readonly bytes: number;
  readonly ms: number;
  /** Output is rounded up to a multiple of this. */
  readonly stepMs: number;
}

/** By payload type (RFC 3551 4.5). Others are not cut. */
const FRAMINGS: Readonly<Record<number, Framing>> = {
  0: { bytes: 8, ms: 1, stepMs: 10 },
  3: { bytes: 33, ms: 20, stepMs: 20 },
  4: { bytes: 24, ms: 30, stepMs: 30 },
  8: { bytes: 8, ms: 1, stepMs: 10 },
  9: { bytes: 8, ms: 1, stepMs: 10 },
  18: { bytes: 10, ms: 10, stepMs: 10 },
};

/** Audio of one packet that has not left, whole frames. */
interface Piece {
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
}

export interface ResizerCounts {
  taken: number;
  produced: number;
  dropped: number;
}

export class Resizer {
  /** Wanted length of a packet, milliseconds. */
  readonly packetMs: number;
  readonly #counts: ResizerCounts;
  #pieces: Piece[] = [];
  #bytes = 0;
  #payloadType = -1;
  #ssrc = 0;
  #waitingSince = 0;
  #sequenceNumber: number | undefined;
  /** Time stamp after the last sample that left. */
  #nextTimestamp: number | undefined;

  constructor(packetMs: number, counts: ResizerCounts) {
    this.packetMs = packetMs;
    this.#counts = counts;
  }

  /** When `flush` is due; Infinity: nothing waits. */
  get dueAt(): number {
    return this.#pieces.length === 0
      ? Number.POSITIVE_INFINITY
      : this.#waitingSince + Math.max(2 * this.packetMs, SHORTEST_WAIT_MS);
  }

  /** Packets that leave because this one came. `packet` has an RTP header and is only valid during the call. */
  push(now: number, packet: Uint8Array): Uint8Array[] {
    const payloadType = payloadTypeOf(packet);
    const framing = FRAMINGS[payloadType];
    const payload = framing === undefined ? undefined : plainPayload(packet);
    this.#sequenceNumber ??= sequenceNumberOf(packet);
    if (framing === undefined || payload === undefined || payload.length % framing.bytes !== 0) {
      return [...this.flush(), this.#numbered(Uint8Array.from(packet))];
    }
    const out = payloadType === this.#payloadType && ssrcOf(packet) === this.#ssrc ? [] : this.#begin(packet);
    this.#counts.taken += 1;
    const timestamp = timestampOf(packet);
    if (this.#nextTimestamp !== undefined && distance(this.#nextTimestamp, timestamp) < 0) {
      this.#counts.dropped += 1;
      return out;
    }
    if (this.#pieces.length === 0) {
      this.#waitingSince = now;
    }
    this.#insert({ timestamp, marker: markerOf(packet), payload: Uint8Array.from(payload) });
    const wanted = this.#wantedBytes(framing);
    while (this.#bytes >= wanted) {
      out.push(this.#take(wanted, framing));
      this.#waitingSince = now;
    }
    if (this.#pieces.length > MAX_PIECES) {
      out.push(...this.flush());
    }
    return out;
  }

  /** What waits, in a packet that is shorter than wanted. */
  flush(): Uint8Array[] {
    const framing = FRAMINGS[this.#payloadType];
    const out: Uint8Array[] = [];
    while (framing !== undefined && this.#bytes > 0) {
      out.push(this.#take(this.#wantedBytes(framing), framing));
    }
    return out;
  }

  #begin(packet: Uint8Array): Uint8Array[] {
    const rest = this.flush();
    this.#payloadType = payloadTypeOf(packet);
    this.#ssrc = ssrcOf(packet);
    this.#nextTimestamp = undefined;
    return rest;
  }

  #wantedBytes({ bytes, ms, stepMs }: Framing): number {
    return ((Math.ceil(this.packetMs / stepMs) * stepMs) / ms) * bytes;
  }

  /** In the order of time: the network may have changed it. */
  #insert(piece: Piece): void {
    let at = this.#pieces.length;
    while (at > 0 && distance((this.#pieces[at - 1] as Piece).timestamp, piece.timestamp) < 0) {
      at -= 1;
    }
    this.#pieces.splice(at, 0, piece);
    this.#bytes += piece.payload.length;
  }

  /** One packet of the oldest audio: up to `wanted` bytes, and not across a gap. */
  #take(wanted: number, framing: Framing): Uint8Array {
    const [{ timestamp, marker } = { timestamp: 0, marker: false }] = this.#pieces;
    const parts: Uint8Array[] = [];
    let missing = wanted;
    let expected = timestamp;
    for (let piece = this.#pieces[0]; piece !== undefined && missing > 0; piece = this.#pieces[0]) {
      if (piece.timestamp !== expected) {
        break;
      }
      const part = piece.payload.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      expected = (expected + (part.length / framing.bytes) * framing.ms * TICKS_PER_MS) >>> 0;
      this.#pieces.shift();
      if (part.length < piece.payload.length) {
        this.#pieces.unshift({ timestamp: expected, marker: false, payload: piece.payload.subarray(part.length) });
      }
    }
    const packet = new Uint8Array(HEADER_BYTES + wanted - missing);
    const view = new DataView(packet.buffer);
    packet[0] = 0x80;
    packet[1] = this.#payloadType | (marker ? 0x80 : 0);
    view.setUint32(4, timestamp);
    view.setUint32(8, this.#ssrc);
    let offset = HEADER_BYTES;
    for (const part of parts) {
      packet.set(part, offset);
      offset += part.length;
    }
    this.#bytes -= wanted - missing;
    this.#nextTimestamp = expected;
    this.#counts.produced += 1;
    return this.#numbered(packet);
  }

  #numbered(packet: Uint8Array): Uint8Array {
    const number = this.#sequenceNumber ?? 0;
    this.#sequenceNumber = (number + 1) & 0xffff;
    new DataView(packet.buffer, packet.byteOffset).setUint16(2, number);
    return packet;
  }
}

/** Without CSRCs, extension and padding there is a payload that can be cut; undefined otherwise. */
function plainPayload(packet: Uint8Array): Uint8Array | undefined {
  return packet[0] === 0x80 && packet.length > HEADER_BYTES ? packet.subarray(HEADER_BYTES) : undefined;
}

/** How far `to` is ahead of `from`: time stamps wrap at 32 bits. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}
