import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AppendedFile } from './appended-file.ts';

export interface DayFilesOptions {
  readonly directory: string;
  /** Of the files' names: `2026-11-22.jsonl`. */
  readonly extension: string;
  /** First line of each file; may be empty. */
  readonly header: string;
  /** How a line ends. */
  readonly lineEnd: string;
}

/** Text files, one a day (UTC), that only grow. The directory is 0700, the files are 0600. */
export class DayFiles {
  readonly #options: DayFilesOptions;
  #file: AppendedFile | undefined;
  /** The file is known to end with a whole line. */
  #isWhole = false;

  constructor(options: DayFilesOptions) {
    this.#options = options;
  }

  /** @param day YYYY-MM-DD */
  pathOf(day: string): string {
    return join(this.#options.directory, `${day}.${this.#options.extension}`);
  }

  /** Whole lines. @throws NodeJS.ErrnoException */
  async append(day: string, text: string): Promise<void> {
    const { header, lineEnd } = this.#options;
    const file = await this.#fileOf(day);
    const isSame = await file.ready();
    const end = isSame && this.#isWhole ? 'whole' : await endOf(file.path);
    this.#isWhole = false;
    const before = end === 'empty' ? header : end === 'torn' ? lineEnd : '';
    await file.append(before + text);
    this.#isWhole = true;
  }

  /** Idempotent. @throws NodeJS.ErrnoException */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #fileOf(day: string): Promise<AppendedFile> {
    const path = this.pathOf(day);
    if (this.#file?.path !== path) {
      await this.#file?.close();
      this.#file = new AppendedFile(path);
    }
    return this.#file;
  }

  /** The last `bytes` of that day's file; empty when there is none that can be read. */
  async tail(day: string, bytes: number): Promise<string> {
    const file = await open(this.pathOf(day), 'r').catch(() => undefined);
    if (file === undefined) {
      return '';
    }
    try {
      const { size } = await file.stat();
      const read = Buffer.alloc(Math.min(size, bytes));
      await file.read(read, 0, read.length, size - read.length);
      return read.toString();
    } catch {
      return '';
    } finally {
      await file.close();
    }
  }
}

/** A write that failed half-way, or a process that was killed, leaves a torn line; the next one is not to join it. */
async function endOf(path: string): Promise<'empty' | 'torn' | 'whole'> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) {
    return 'empty';
  }
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size === 0 || (await file.read(last, 0, 1, size - 1)).bytesRead !== 1) {
      return 'empty';
    }
    return last.toString() === '\n' ? 'whole' : 'torn';
  } finally {
    await file.close();
  }
}
