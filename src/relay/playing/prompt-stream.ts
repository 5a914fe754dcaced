import type { PromptCodec } from './prompt.ts';

const HEADER_BYTES = 12;
/** All codecs here have a time stamp of 8 kHz. */
const TICKS_PER_MS = 8;

export interface PromptStreamOptions {
  readonly data: Uint8Array;
  readonly payloadType: number;
  readonly codec: PromptCodec;
  readonly packetMs: number;
  readonly times: number;
  /** Where the RTP header starts: unpredictable (RFC 3550 5.1). */
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
}

/**
 * The RTP packets of a prompt, one after the other: marker on the first, sequence and time stamp going on through
 * repeats. A trailing part of a frame is left out.
 */
export class PromptStream {
  /** Between two packets, milliseconds. */
  readonly packetMs: number;
  readonly #options: PromptStreamOptions;
  readonly #packetBytes: number;
  readonly #endBytes: number;
  #offset = 0;
  #timesLeft: number;
  #sequenceNumber: number;
  #timestamp: number;
  #first = true;

  constructor(options: PromptStreamOptions) {
    const { codec, data, packetMs, times, sequenceNumber, timestamp } = options;
    const frames = Math.max(1, Math.ceil(packetMs / codec.frameMs));
    this.#options = options;
    this.packetMs = frames * codec.frameMs;
    this.#packetBytes = frames * codec.frameBytes;
    this.#endBytes = data.length - (data.length % codec.frameBytes);
    this.#timesLeft = this.#endBytes === 0 ? 0 : times;
    this.#sequenceNumber = sequenceNumber;
    this.#timestamp = timestamp;
  }

  /** The next packet; undefined: the prompt is over. */
  next(): Uint8Array | undefined {
    if (this.#timesLeft === 0) {
      return undefined;
    }
    const { data, payloadType, ssrc, codec } = this.#options;
    const end = Math.min(this.#offset + this.#packetBytes, this.#endBytes);
    const payload = data.subarray(this.#offset, end);
    const packet = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(packet.buffer);
    packet[0] = 0x80;
    packet[1] = payloadType | (this.#first ? 0x80 : 0);
    view.setUint16(2, this.#sequenceNumber);
    view.setUint32(4, this.#timestamp);
    view.setUint32(8, ssrc);
    packet.set(payload, HEADER_BYTES);

    this.#first = false;
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    const ms = (payload.length / codec.frameBytes) * codec.frameMs;
    this.#timestamp = (this.#timestamp + ms * TICKS_PER_MS) >>> 0;
    this.#offset = end;
    if (end === this.#endBytes) {
      this.#offset = 0;
      this.#timesLeft -= 1;
    }
    return packet;
  }
}
