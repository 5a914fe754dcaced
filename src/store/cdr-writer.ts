import { appendFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../io/make-directories.ts';
import type { Log } from '../observe/log.ts';
import type { CallDetailRecord } from './call-detail-record.ts';

/** Lines that may wait for a slow or full disk; the newest ones are dropped beyond it, and counted. */
const MAX_QUEUED_LINES = 10_000;

/** Far more than the calls that end within a second. */
const RECENT_BYTES = 1 << 20;

export interface CdrWriterOptions {
  /** `dataDir` of the configuration; the files are `cdr/YYYY-MM-DD.jsonl` in it (UTC day of the line). */
  readonly dataDir: string;
  readonly log: Log;
}

/**
 * Appends call detail records, one JSON object a line. `write` never waits and never throws: a call does not
 * depend on the disk. A disk that fails is reported once, and once more when it works again.
 */
export class CdrWriter {
  readonly #directory: string;
  readonly #log: Log;
  #queued: { readonly day: string; readonly line: string }[] = [];
  #writing: Promise<void> | undefined;
  /** The file that is known to end with a whole line. */
  #wholePath: string | undefined;
  #failing = false;
  #lostLines = 0;
  #closed = false;

  constructor(options: CdrWriterOptions) {
    this.#directory = join(options.dataDir, 'cdr');
    this.#log = options.log;
  }

  /** Lines that never reached the disk. */
  get lostLines(): number {
    return this.#lostLines;
  }

  write(record: CallDetailRecord): void {
    if (this.#closed || this.#queued.length >= MAX_QUEUED_LINES) {
      this.#lostLines++;
      return;
    }
    const day = (record.endedAt ?? record.answeredAt ?? record.invitedAt).slice(0, 10);
    this.#queued.push({ day, line: `${JSON.stringify(record)}\n` });
    this.#writing ??= this.#drain();
  }

  /** The end of what is on the disk for the day of that instant. */
  async recent(at: Date): Promise<string> {
    const path = join(this.#directory, `${at.toISOString().slice(0, 10)}.jsonl`);
    const file = await open(path, 'r').catch(() => undefined);
    if (file === undefined) {
      return '';
    }
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, RECENT_BYTES));
      await file.read(bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString();
    } catch {
      return '';
    } finally {
      await file.close();
    }
  }

  /** Resolves when everything written so far is on the disk or counted as lost. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Flushes; later records are counted as lost. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  async #drain(): Promise<void> {
    while (this.#queued.length > 0) {
      const day = this.#queued[0]?.day ?? '';
      const end = this.#queued.findIndex((entry) => entry.day !== day);
      const batch = this.#queued.splice(0, end === -1 ? this.#queued.length : end);
      await this.#append(
        join(this.#directory, `${day}.jsonl`),
        batch.map((entry) => entry.line).join(''),
        batch.length,
      );
    }
    this.#writing = undefined;
  }

  async #append(path: string, text: string, count: number): Promise<void> {
    try {
      await makeDirectories(this.#directory, 0o700);
      const isTorn = path !== this.#wholePath && (await endsInsideLine(path));
      this.#wholePath = undefined;
      await appendFile(path, isTorn ? `\n${text}` : text, { mode: 0o600 });
      this.#wholePath = path;
      if (this.#failing) {
        this.#failing = false;
        this.#log.warn({ path, count: this.#lostLines }, 'call records are written again; some were lost');
      }
    } catch (err) {
      this.#lostLines += count;
      if (!this.#failing) {
        this.#failing = true;
        this.#log.error({ err, path }, 'cannot write call records; calls go on without them');
      }
    }
  }
}

/** A write that failed half-way, or a process that was killed, leaves a torn line; the next record is not to join it. */
async function endsInsideLine(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) {
    return false;
  }
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    return size > 0 && (await file.read(last, 0, 1, size - 1)).bytesRead === 1 && last.toString() !== '\n';
  } finally {
    await file.close();
  }
}
