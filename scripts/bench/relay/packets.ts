/**
 * What the generator sends: real RTP and RTCP, in which each word can be checked by who knows the flow's template.
 *
 * ```
 * RTP   V=2 PT=0 sequence | timestamp | SSRC | mark | 34 words of the call's own pattern           172 bytes
 * RTCP  SR (28 bytes) | SDES with a CNAME (20) | APP "imsb" with the mark (36)                       84 bytes
 * mark  seconds | nanoseconds | sequence | slot and side | serial number of the call | check
 * ```
 *
 * `check` is the exclusive or of all words that differ from packet to packet; every other word is as in the template.
 */
import { swap16, swap32 } from './byte-order.ts';

export interface PacketShape {
  readonly kind: 'rtp' | 'rtcp';
  readonly words: number;
  /** Word at which the mark begins. */
  readonly mark: number;
  /** Words before the mark that differ from packet to packet. */
  readonly varying: readonly number[];
}

export const SECONDS = 0;
export const NANOSECONDS = 1;
export const SEQUENCE = 2;
export const WHOSE = 3;
export const SERIAL = 4;
const CHECK = 5;
const MARK_WORDS = 6;

export const RTP: PacketShape = { kind: 'rtp', words: 43, mark: 3, varying: [0, 1] };
export const RTCP: PacketShape = { kind: 'rtcp', words: 21, mark: 15, varying: [2, 3, 4, 5, 6] };

/** 160 samples of 8 kHz, and G.711 has a byte for each. */
const SAMPLES = 160;
/** So that the 16-bit number wraps in the first seconds of each call. */
const FIRST_SEQUENCE_NUMBER = 65_400;
/** From 1900 to 1970, seconds: NTP timestamps begin there. */
const NTP_EPOCH_SECONDS = 2_208_988_800;
const NTP_PER_NANOSECOND = 2 ** 32 / 1e9;

export interface FlowIdentity {
  readonly slot: number;
  readonly side: 0 | 1;
  /** No two calls of a run have the same. */
  readonly serial: number;
}

/** Fills the words of a flow that stay the same in all its packets. */
export function writeTemplate(words: Uint32Array, at: number, shape: PacketShape, identity: FlowIdentity): void {
  const ssrc = mix(identity.serial * 2 + identity.side);
  if (shape.kind === 'rtp') {
    words[at + 2] = ssrc;
    for (let word = shape.mark + MARK_WORDS; word < shape.words; word++) {
      words[at + word] = mix(ssrc + word);
    }
  } else {
    words[at] = swap32(0x80c80006);
    words[at + 1] = ssrc;
    words[at + 7] = swap32(0x81ca0004);
    words[at + 8] = ssrc;
    // CNAME (1), 8 bytes "loadgen@", the list's end and its padding
    words[at + 9] = swap32(0x01086c6f);
    words[at + 10] = swap32(0x61646765);
    words[at + 11] = swap32(0x6e400000);
    words[at + 12] = swap32(0x80cc0008);
    words[at + 13] = ssrc;
    words[at + 14] = swap32(0x696d7362);
  }
  words[at + shape.mark + WHOSE] = whose(identity);
  words[at + shape.mark + SERIAL] = identity.serial;
}

/** Slot and side in one word. */
export function whose({ slot, side }: Pick<FlowIdentity, 'slot' | 'side'>): number {
  return slot * 2 + side;
}

/** Fills in what one packet has of its own. The instant is that of the wall clock. */
export function stamp(
  words: Uint32Array,
  at: number,
  shape: PacketShape,
  sequence: number,
  seconds: number,
  nanoseconds: number,
): void {
  if (shape.kind === 'rtp') {
    const sequenceNumber = (FIRST_SEQUENCE_NUMBER + sequence) & 0xffff;
    words[at] = 0x0080 | (swap16(sequenceNumber) << 16);
    words[at + 1] = swap32(sequence * SAMPLES);
  } else {
    words[at + 2] = swap32(seconds + NTP_EPOCH_SECONDS);
    words[at + 3] = swap32(Math.floor(nanoseconds * NTP_PER_NANOSECOND));
    words[at + 4] = swap32(seconds * 8000 + Math.floor(nanoseconds / 125_000));
    words[at + 5] = swap32(sequence);
    words[at + 6] = swap32(sequence * SAMPLES);
  }
  const mark = at + shape.mark;
  words[mark + SECONDS] = seconds;
  words[mark + NANOSECONDS] = nanoseconds;
  words[mark + SEQUENCE] = sequence;
  words[mark + CHECK] = checkOf(words, at, shape);
}

/** Whether the packet at `at` is, word by word, one that was made from the template at `templateAt`. */
export function isIntact(
  words: Uint32Array,
  at: number,
  shape: PacketShape,
  template: Uint32Array,
  templateAt: number,
): boolean {
  const mark = at + shape.mark;
  if (words[mark + CHECK] !== checkOf(words, at, shape)) {
    return false;
  }
  for (let word = 0; word < shape.words; word++) {
    if (words[at + word] !== template[templateAt + word] && !differs(shape, word)) {
      return false;
    }
  }
  return true;
}

function differs(shape: PacketShape, word: number): boolean {
  const ofMark = word - shape.mark;
  return ofMark === SECONDS || ofMark === NANOSECONDS || ofMark === SEQUENCE || ofMark === CHECK
    ? true
    : shape.varying.includes(word);
}

function checkOf(words: Uint32Array, at: number, shape: PacketShape): number {
  const mark = at + shape.mark;
  let check = (words[mark + SECONDS] ?? 0) ^ (words[mark + NANOSECONDS] ?? 0) ^ (words[mark + SEQUENCE] ?? 0);
  for (const word of shape.varying) {
    check ^= words[at + word] ?? 0;
  }
  return check >>> 0;
}

/** A word that looks like nothing else (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
