/** What a child prints, by lines: bounded, valid text, without sequences that could move the operator's cursor. */
import { StringDecoder } from 'node:string_decoder';

/** Longer lines are cut here, characters; the next piece goes on where this one ends. */
export const MAX_LINE_LENGTH = 16 * 1024;

/** Cursor movements and colours (CSI), window titles (OSC), and the other control characters except tab. */
const CONTROLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-_]|[\u0000-\u0008\u000b-\u001f\u007f]/g;

export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    this.#take(this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
  }

  /** Hands out what came without a line end. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '') {
      this.#emit(this.#rest);
      this.#rest = '';
    }
  }

  #take(text: string): void {
    let rest = this.#rest + text;
    for (;;) {
      const end = endOfLine(rest);
      if (end === undefined) {
        break;
      }
      this.#emit(rest.slice(0, end.at));
      rest = rest.slice(end.at + end.length);
    }
    while (rest.length > MAX_LINE_LENGTH) {
      this.#emit(rest.slice(0, MAX_LINE_LENGTH));
      rest = rest.slice(MAX_LINE_LENGTH);
    }
    this.#rest = rest;
  }

  #emit(line: string): void {
    const clean = line.replace(CONTROLS, '');
    for (let start = 0; start < clean.length; start += MAX_LINE_LENGTH) {
      this.#onLine(clean.slice(start, start + MAX_LINE_LENGTH));
    }
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
