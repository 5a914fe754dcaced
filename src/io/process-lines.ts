/** What a child prints, by lines: bounded, valid text, without sequences that could move the operator's cursor. */
import { StringDecoder } from 'node:string_decoder';

/** Longer lines are cut here, characters; the next piece goes on where this one ends. */
export const MAX_LINE_LENGTH = 16 * 1024;

/** A line that has not ended is handed out after this time without another byte, milliseconds. */
export const IDLE_FLUSH_MS = 200;

/** Cursor movements (CSI), window titles (OSC), and the other control characters except tab; colours (SGR) stay. */
const CONTROLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  /(\u001b\[[0-9;:]*m)|\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-_]?|[\u0000-\u0008\u000b-\u001f\u007f]/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const COLOURS = /\u001b\[[0-9;:]*m/g;

const COLOUR_OFF = '\u001b[0m';

export function withoutColours(line: string): string {
  return line.replace(COLOURS, '');
}

/** A line whose colours do not run on into the next one. */
export function withColoursClosed(line: string): string {
  return line.search(COLOURS) === -1 ? line : `${line}${COLOUR_OFF}`;
}

/** `continued`: the piece goes on where the one before ended, without a line end between them. */
export type LineListener = (line: string, continued: boolean) => void;

export class LineSplitter {
  readonly #onLine: LineListener;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  /** What was handed out last had no line end. */
  #open = false;

  constructor(onLine: LineListener) {
    this.#onLine = onLine;
  }

  /** Something waits for its line end. */
  get waits(): boolean {
    return this.#rest !== '';
  }

  push(chunk: Uint8Array): void {
    this.#take(this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
  }

  /** Hands out what came without a line end: a prompt, or the half of a line whose writer has stopped to think. */
  flush(): void {
    // A CR waits for its LF: it ends the line.
    const ended = this.#rest.endsWith('\r');
    if (this.#rest !== '') {
      this.#emit(ended ? this.#rest.slice(0, -1) : this.#rest, ended);
      this.#rest = '';
    }
  }

  end(): void {
    this.#take(this.#decoder.end());
    this.flush();
  }

  #take(text: string): void {
    let rest = this.#rest + text;
    for (;;) {
      const end = endOfLine(rest);
      if (end === undefined) {
        break;
      }
      // An empty rest of a line that was handed out already is no line of its own.
      if (end.at > 0 || !this.#open) {
        this.#emit(rest.slice(0, end.at), true);
      }
      this.#open = false;
      rest = rest.slice(end.at + end.length);
    }
    while (rest.length > MAX_LINE_LENGTH) {
      this.#emit(rest.slice(0, MAX_LINE_LENGTH), false);
      rest = rest.slice(MAX_LINE_LENGTH);
    }
    this.#rest = rest;
  }

  #emit(line: string, ended: boolean): void {
    const clean = line.replace(CONTROLS, '$1');
    let start = 0;
    do {
      this.#onLine(clean.slice(start, start + MAX_LINE_LENGTH), this.#open);
      start += MAX_LINE_LENGTH;
      this.#open = !ended || start < clean.length;
    } while (start < clean.length);
  }
}

/** Lines a second that one program may print; the rest is counted. */
export const MAX_LINES_PER_SECOND = 5000;

/** Keeps a program that prints without end from keeping its supervisor busy. */
export class LineLimit {
  #secondStartedAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #leftOut = 0;

  /** Whether this line is passed on, and how many were left out before it in the second that has ended. */
  admit(now: number): { readonly passes: boolean; readonly leftOut: number } {
    let leftOut = 0;
    if (now - this.#secondStartedAt >= 1000) {
      leftOut = this.#leftOut;
      this.#secondStartedAt = now;
      this.#lines = 0;
      this.#leftOut = 0;
    }
    this.#lines += 1;
    const passes = this.#lines <= MAX_LINES_PER_SECOND;
    this.#leftOut += passes ? 0 : 1;
    return { passes, leftOut };
  }
}

/** LF, CR LF, or a CR alone (a progress bar). A CR at the very end waits: its LF may be in the next chunk. */
function endOfLine(text: string): { readonly at: number; readonly length: number } | undefined {
  const at = text.search(/[\r\n]/);
  if (at === -1 || (text[at] === '\r' && at === text.length - 1)) {
    return undefined;
  }
  return { at, length: text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1 };
}
