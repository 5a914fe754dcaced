/**
 * What must survive a restart, as lines of JSON: a key with its latest value, or without, when it has none any more. The
 * last line of a key counts. The file is only appended to, and made anew when most of it is out of date, so that a
 * process may be killed at any moment: at worst the last line is torn, and that one is not read.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { Log } from '../observe/log.ts';
import { AppendedFile } from './appended-file.ts';

export interface KeyedJournalOptions<Value> {
  readonly path: string;
  /** Everything that holds now, for a file made anew. */
  readonly snapshot: () => Iterable<readonly [key: string, value: Value]>;
  readonly log: Log;
  /** What is written of a value, as it will be read again; asked when it is written. Default: the value. */
  readonly format?: (value: Value) => unknown;
  /** Changes are collected for so long, milliseconds: what a kill in between can cost. */
  readonly collectMs?: number;
}

/** Unless told. */
const COLLECT_MS = 100;

/** After a failure the disk is tried again with the first change after this time, milliseconds. */
const RETRY_MS = 5000;

/** Fewer lines than this are never worth a new file. */
const MIN_LINES = 1000;

interface Line {
  readonly key: string;
  readonly value?: unknown;
}

export class KeyedJournal<Value> {
  readonly #options: KeyedJournalOptions<Value>;
  readonly #file: AppendedFile;
  readonly #changed = new Map<string, Value | undefined>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lines = 0;
  /** A file with more lines is made anew. */
  #limit = MIN_LINES;
  /** The end of the file may be half a line: of a killed process, or of a write that failed. */
  #isTorn = true;
  /** Then another file at the path is somebody else's, and says nothing. */
  #hasWritten = false;
  #failing = false;
  #failedAt = 0;

  constructor(options: KeyedJournalOptions<Value>) {
    this.#options = options;
    this.#file = new AppendedFile(options.path);
  }

  /** What the file says, whoever wrote it: each value is to be checked. Without a file: nothing. Never throws. */
  read(): Map<string, unknown> {
    const { path, log } = this.#options;
    const found = new Map<string, unknown>();
    let text = '';
    try {
      text = readFileSync(path, 'utf8');
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOENT') {
        log.warn({ err, path }, 'what an earlier run has left cannot be read');
      }
    }
    for (const line of text.split('\n')) {
      const parsed = parseLine(line);
      if (parsed !== undefined) {
        this.#lines++;
        found.delete(parsed.key);
        if (parsed.value !== undefined) {
          found.set(parsed.key, parsed.value);
        }
      }
    }
    this.#limit = Math.max(MIN_LINES, 2 * found.size);
    return found;
  }

  /** Undefined: it has no value any more. Never waits and never throws. */
  set(key: string, value: Value | undefined): void {
    this.#changed.set(key, value);
    const untilRetryMs = this.#failing ? RETRY_MS - (performance.now() - this.#failedAt) : 0;
    this.#timer ??= setTimeout(() => void this.flush(), Math.max(this.#options.collectMs ?? COLLECT_MS, untilRetryMs));
  }

  /** Resolves when everything is on the disk, or the disk has refused it. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.flush();
    await this.#file.close().catch(() => {});
  }

  async #write(): Promise<void> {
    if (this.#changed.size === 0) {
      return;
    }
    const { path, log } = this.#options;
    const changed = [...this.#changed];
    this.#changed.clear();
    try {
      const isSame = await this.#file.ready();
      if (this.#failing || this.#lines + changed.length > this.#limit || (!isSame && this.#hasWritten)) {
        await this.#rewrite();
      } else {
        await this.#file.append((this.#isTorn ? '\n' : '') + this.#linesOf(changed));
        this.#lines += changed.length;
      }
      this.#hasWritten = true;
      this.#isTorn = false;
      if (this.#failing) {
        this.#failing = false;
        log.warn({ path }, 'what is to survive a restart is written again');
      }
    } catch (err) {
      this.#isTorn = true;
      this.#failedAt = performance.now();
      if (!this.#failing) {
        this.#failing = true;
        log.error({ err, path }, 'what is to survive a restart cannot be written; everything else goes on');
      }
    }
  }

  async #rewrite(): Promise<void> {
    const { path, snapshot } = this.#options;
    const entries = [...snapshot()];
    const fresh = `${path}.new`;
    await writeFile(fresh, this.#linesOf(entries), { mode: 0o600 });
    await rename(fresh, path);
    await this.#file.close();
    await this.#file.ready();
    this.#lines = entries.length;
    this.#limit = Math.max(MIN_LINES, 2 * entries.length);
  }

  #linesOf(entries: readonly (readonly [string, Value | undefined])[]): string {
    const { format } = this.#options;
    return entries
      .map(([key, kept]) => {
        const value = kept === undefined || format === undefined ? kept : format(kept);
        return `${JSON.stringify({ key, value } satisfies Line)}\n`;
      })
      .join('');
  }
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Partial<Line> | null;
    return typeof line?.key === 'string' ? { key: line.key, value: line.value } : undefined;
  } catch {
    return undefined;
  }
}
