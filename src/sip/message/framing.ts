/**
 * Messages out of a byte stream (RFC 3261 18.3): a head up to its empty line, then as many bytes as Content-Length
 * says. What cannot be framed ends the stream, since nothing tells where the next message begins.
 */
import { MAX_MESSAGE_BYTES } from './parse.ts';

export type Framed =
  /** One whole message, with its body. */
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** CRLFCRLF: to be answered with CRLF (RFC 5626 4.4.1). */
  | { readonly kind: 'ping' }
  /** Nothing more can be read. `head` is what the message began with, when its head at least is whole. */
  | { readonly kind: 'broken'; readonly code: FramingError; readonly head: Uint8Array | undefined };

export type FramingError = 'too-long' | 'no-content-length' | 'bad-content-length';

const CR = 0x0d;
const LF = 0x0a;
/** Room at first; grown by doubling. */
const FIRST_ROOM_BYTES = 2048;

export class MessageFramer {
  #room = new Uint8Array(0);
  #length = 0;
  /** Up to here no end of a head was found. */
  #scanned = 0;
  /** Of the message whose head is whole; undefined: it is not. */
  #wanted: number | undefined;
  /** CRs and LFs before a message: a ping when they are four. */
  #blank = '';
  #isBroken = false;

  /** Bytes of a message of which more must come. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** What the bytes complete, in order. After `broken` nothing comes any more. */
  push(bytes: Uint8Array): Framed[] {
    const out: Framed[] = [];
    let rest = bytes;
    while (rest.length > 0 && !this.#isBroken) {
      if (this.#length === 0) {
        rest = this.#skipBlank(rest, out);
      }
      rest = this.#take(rest, out);
    }
    return out;
  }

  /** Empty lines between messages (RFC 3261 7.5), two of which are a keep-alive. */
  #skipBlank(bytes: Uint8Array, out: Framed[]): Uint8Array {
    let at = 0;
    for (; at < bytes.length && (bytes[at] === CR || bytes[at] === LF); at++) {
      this.#blank += bytes[at] === CR ? 'r' : 'n';
      if (this.#blank.endsWith('rnrn')) {
        out.push({ kind: 'ping' });
        this.#blank = '';
      } else if (this.#blank.length > 3) {
        this.#blank = this.#blank.slice(-3);
      }
    }
    if (at < bytes.length) {
      this.#blank = '';
    }
    return bytes.subarray(at);
  }

  /** Adds as many bytes as one message can have, and tells it if it is whole. Returns what is left. */
  #take(bytes: Uint8Array, out: Framed[]): Uint8Array {
    const limit = this.#wanted ?? MAX_MESSAGE_BYTES + 1;
    const taken = bytes.subarray(0, limit - this.#length);
    this.#append(taken);
    if (this.#wanted === undefined) {
      this.#readHead(out);
    }
    // Behind the head there may be more than this message: it is given back.
    const excess = this.#wanted === undefined ? 0 : Math.max(0, this.#length - this.#wanted);
    if (this.#wanted !== undefined && this.#length >= this.#wanted) {
      out.push({ kind: 'message', bytes: this.#room.slice(0, this.#wanted) });
      this.#reset();
    } else if (this.#length > MAX_MESSAGE_BYTES) {
      this.#break(out, 'too-long', undefined);
    }
    return bytes.subarray(taken.length - excess);
  }

  #readHead(out: Framed[]): void {
    const end = this.#headEnd();
    if (end === undefined) {
      return;
    }
    const head = this.#room.slice(0, end);
    const length = contentLength(head);
    if (typeof length === 'string') {
      this.#break(out, length, head);
    } else if (end + length > MAX_MESSAGE_BYTES) {
      this.#break(out, 'too-long', head);
    } else {
      this.#wanted = end + length;
    }
  }

  /** Behind the empty line, or undefined as long as there is none. */
  #headEnd(): number | undefined {
    const room = this.#room.subarray(0, this.#length);
    for (let at = room.indexOf(LF, this.#scanned); at >= 0; at = room.indexOf(LF, at + 1)) {
      if (room[at + 1] === LF) {
        return at + 2;
      }
      if (room[at + 1] === CR && room[at + 2] === LF) {
        return at + 3;
      }
      // The two bytes behind it may not be there yet.
      this.#scanned = Math.min(at, this.#length);
    }
    return undefined;
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#room.length) {
      const grown = new Uint8Array(Math.max(FIRST_ROOM_BYTES, 2 * this.#room.length, needed));
      grown.set(this.#room.subarray(0, this.#length));
      this.#room = grown;
    }
    this.#room.set(bytes, this.#length);
    this.#length = needed;
  }

  #break(out: Framed[], code: FramingError, head: Uint8Array | undefined): void {
    out.push({ kind: 'broken', code, head });
    this.#isBroken = true;
    this.#reset();
  }

  #reset(): void {
    this.#length = 0;
    this.#scanned = 0;
    this.#wanted = undefined;
    if (this.#room.length > FIRST_ROOM_BYTES) {
      this.#room = new Uint8Array(0);
    }
  }
}

const latin1 = new TextDecoder('latin1');

/** Two that differ would let one message hide another one in its body. */
function contentLength(head: Uint8Array): number | FramingError {
  const fields = latin1.decode(head).matchAll(/^(?:content-length|l)[ \t]*:(.*)/gim);
  const values = new Set([...fields].map(([, value = '']) => value.trim()));
  const [value] = values;
  if (value === undefined) {
    return 'no-content-length';
  }
  return values.size === 1 && /^[0-9]{1,9}$/.test(value) ? Number(value) : 'bad-content-length';
}
