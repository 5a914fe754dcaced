/** What a command waits for, shown to the person who waits: on one line that is written over and gone at the end. */
import { readStatus } from '../control/status.ts';
import type { ControlClient } from '../io/control-client.ts';

/** Between two looks; a wait that is over sooner shows nothing. */
const LOOK_INTERVAL_MS = 1000;

/** CR, then EL (ECMA-48 8.3.41): back to the left margin, and nothing from there on. */
const ERASE_LINE = '\r\u001b[K';

/** The part of a terminal that is needed. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Awaits `work`; until then a terminal shows what the launcher says it waits for. Elsewhere nothing is printed. */
export async function showWait<T>(
  client: Pick<ControlClient, 'ask'>,
  work: Promise<T>,
  terminal: Terminal = process.stderr,
): Promise<T> {
  if (terminal.isTTY !== true) {
    return await work;
  }
  const line = new StatusLine(terminal);
  let isOver = false;
  let isAsking = false;
  const look = async (): Promise<void> => {
    if (isAsking) {
      return;
    }
    isAsking = true;
    const answer = await client.ask({ verb: 'status' }, { timeoutMs: 5000 });
    isAsking = false;
    // An answer that comes after the end must not leave a line behind.
    if (!isOver && typeof answer === 'object' && answer.ok) {
      const waitsFor = readStatus(answer.result)?.waitsFor ?? undefined;
      line.show(waitsFor === undefined ? '' : `waiting for ${waitsFor}`);
    }
  };
  const timer = setInterval(() => void look(), LOOK_INTERVAL_MS);
  try {
    return await work;
  } finally {
    isOver = true;
    clearInterval(timer);
    line.clear();
  }
}

export class StatusLine {
  readonly #terminal: Terminal;
  #shown = '';

  /** What is no terminal shows nothing. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Cut to the terminal's width: a line that wraps could not be written over. */
  show(text: string): void {
    const cut = text.slice(0, (this.#terminal.columns || 80) - 1);
    if (this.#terminal.isTTY === true && cut !== this.#shown) {
      this.#shown = cut;
      this.#terminal.write(`${ERASE_LINE}${cut}`);
    }
  }

  clear(): void {
    this.show('');
  }
}
