/** A terminal that belongs to us for a while, and is as it was afterwards, however we end. */
import type { ReadStream, WriteStream } from 'node:tty';

/** Another screen, no cursor, no wrapping (xterm and all that follow it: 1049, 25, 7); and back. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';

const HOME = '\u001b[H';
/** Before a line is written: after one that fills it, it would take its last character (the cursor is still on it). */
const CLEAR_LINE = '\u001b[K';
const CLEAR_REST = '\u001b[J';

/** A terminal that does not say how large it is. */
const COLUMNS = 80;
const ROWS = 24;

export type Key = 'quit' | 'up' | 'down' | 'page-up' | 'page-down' | 'home';

const KEYS: Readonly<Record<string, Key>> = {
  q: 'quit',
  Q: 'quit',
  '\u0003': 'quit',
  '\u0004': 'quit',
  k: 'up',
  j: 'down',
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u001b[5~': 'page-up',
  '\u001b[6~': 'page-down',
  '\u001b[H': 'home',
};

export interface FullScreenListener {
  key(key: Key): void;
  /** Its size has changed, or what it shows may be gone: paint anew. */
  stale(): void;
  /** Nobody can type any more. */
  hungUp(): void;
}

export class FullScreen {
  readonly #output: WriteStream;
  readonly #input: ReadStream;
  readonly #releases: (() => void)[] = [];
  #left = false;

  constructor(input: ReadStream, output: WriteStream, listener: FullScreenListener) {
    this.#input = input;
    this.#output = output;
    const leave = (): void => this.leave();
    // The last resort; writing to a terminal does not wait.
    process.on('exit', leave);
    this.#releases.push(() => process.off('exit', leave));
    this.#on(output, 'resize', () => listener.stale());
    this.#on(process, 'SIGCONT', () => {
      // The shell has had the terminal meanwhile.
      input.setRawMode?.(true);
      output.write(ENTER);
      listener.stale();
    });
    this.#on(input, 'data', (bytes: Buffer) => {
      const key = KEYS[bytes.toString('latin1')];
      if (key !== undefined) {
        listener.key(key);
      }
    });
    this.#on(input, 'end', () => listener.hungUp());
    this.#on(input, 'error', () => listener.hungUp());
    input.setRawMode?.(true);
    input.resume();
    output.write(ENTER);
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#output.columns || COLUMNS, rows: this.#output.rows || ROWS };
  }

  /** @param lines no more than there are rows, and none wider than the screen */
  paint(lines: readonly string[]): void {
    if (!this.#left) {
      this.#output.write(HOME + lines.map((line) => CLEAR_LINE + line).join('\r\n') + CLEAR_REST);
    }
  }

  /** Idempotent. */
  leave(): void {
    if (this.#left) {
      return;
    }
    this.#left = true;
    for (const release of this.#releases) {
      release();
    }
    this.#input.setRawMode?.(false);
    this.#input.pause();
    this.#output.write(LEAVE);
  }

  #on(source: NodeJS.EventEmitter, event: string, listener: (...args: never[]) => void): void {
    const heard = listener as (...args: unknown[]) => void;
    source.on(event, heard);
    this.#releases.push(() => source.off(event, heard));
  }
}
