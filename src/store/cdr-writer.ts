import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Log } from '../observe/log.ts';
import type { CallDetailRecord } from './call-detail-record.ts';
import type { CdrFormat, CdrSink, NamedRecord } from './cdr-sink.ts';
import { LineSink } from './line-sink.ts';
import type { Sqlite } from './sqlite.ts';
import { SqliteSink } from './sqlite-sink.ts';

/** Records that may wait for a slow or full disk; the newest ones are dropped beyond it, and counted. */
const MAX_QUEUED_RECORDS = 10_000;

/** Records wait so long for a database that another program holds, and it is asked this often; milliseconds. */
const PASSING_MS = 10_000;
const RETRY_MS = 250;

export interface CdrWriterOptions {
  /** `dataDir` of the configuration; the files are `cdr/YYYY-MM-DD.jsonl` and `.csv` in it (UTC day of the record). */
  readonly dataDir: string;
  readonly formats?: readonly CdrFormat[];
  /** For `sqlite`; a text: why there is none. Then lines of JSON are written in its place. */
  readonly sqlite?: Sqlite | string | undefined;
  readonly log: Log;
}

interface Queued {
  readonly day: string;
  readonly record: CallDetailRecord;
  readonly formats: readonly CdrFormat[];
}

/**
 * Appends call detail records, a line each. `write` never waits and never throws: a call does not depend on the disk. A
 * disk that fails is reported once, and once more when it works again.
 */
export class CdrWriter {
  readonly #log: Log;
  readonly #sinks: readonly CdrSink[];
  #queued: Queued[] = [];
  #writing: Promise<void> | undefined;
  #failing = false;
  #lostLines = 0;
  #closed = false;

  constructor({ dataDir, formats = ['jsonl'], sqlite = 'it was not loaded', log }: CdrWriterOptions) {
    const directory = join(dataDir, 'cdr');
    this.#log = log;
    const usable = formats.map((format) => (format === 'sqlite' && typeof sqlite === 'string' ? 'jsonl' : format));
    if (formats.includes('sqlite') && typeof sqlite === 'string') {
      log.warn({ reason: sqlite }, 'there is no SQLite here: call records are written as lines of JSON');
    }
    this.#sinks = [...new Set(usable)].map((name) =>
      name === 'sqlite' ? new SqliteSink(sqlite as Sqlite, directory) : new LineSink(directory, name),
    );
  }

  /** Lines that never reached the disk. */
  get lostLines(): number {
    return this.#lostLines;
  }

  /** @param formats of those that are written at all */
  write(record: CallDetailRecord, formats = this.#sinks.map(({ name }) => name)): void {
    if (this.#closed || this.#queued.length >= MAX_QUEUED_RECORDS) {
      this.#lostLines++;
      return;
    }
    const day = (record.endedAt ?? record.answeredAt ?? record.invitedAt).slice(0, 10);
    this.#queued.push({ day, record, formats });
    this.#writing ??= this.#drain();
  }

  /** Tells of a record in which formats it is not among the last ones on the disk for the day of that instant. */
  async missing(at: Date): Promise<(record: NamedRecord) => CdrFormat[]> {
    const day = at.toISOString().slice(0, 10);
    const known = await Promise.all(
      this.#sinks.map(async (sink) => {
        const isThere = await sink.present(day).catch(() => () => false);
        return { name: sink.name, isThere };
      }),
    );
    return (record) => known.filter(({ isThere }) => !isThere(record)).map(({ name }) => name);
  }

  /** Resolves when everything written so far is on the disk or counted as lost. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Flushes; later records are counted as lost. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    await Promise.all(this.#sinks.map((sink) => sink.close().catch(() => {})));
  }

  async #drain(): Promise<void> {
    while (this.#queued.length > 0) {
      const day = this.#queued[0]?.day ?? '';
      const end = this.#queued.findIndex((entry) => entry.day !== day);
      const batch = this.#queued.splice(0, end === -1 ? this.#queued.length : end);
      await Promise.all(
        this.#sinks.map(async (sink) => {
          const records = batch.filter(({ formats }) => formats.includes(sink.name)).map(({ record }) => record);
          if (records.length > 0) {
            await this.#append(sink, day, records);
          }
        }),
      );
    }
    this.#writing = undefined;
  }

  async #append(sink: CdrSink, day: string, records: readonly CallDetailRecord[]): Promise<void> {
    const path = sink.pathOf(day);
    try {
      await this.#insist(sink, day, records);
      if (this.#failing) {
        this.#failing = false;
        this.#log.warn({ path, count: this.#lostLines }, 'call records are written again; some were lost');
      }
    } catch (err) {
      this.#lostLines += records.length;
      if (!this.#failing) {
        this.#failing = true;
        this.#log.error({ err, path }, 'cannot write call records; calls go on without them');
      }
    }
  }

  /** A writer that is closed asks once more, and does not wait. */
  async #insist(sink: CdrSink, day: string, records: readonly CallDetailRecord[]): Promise<void> {
    const until = performance.now() + PASSING_MS;
    for (;;) {
      try {
        await sink.append(day, records);
        return;
      } catch (error) {
        if (this.#closed || performance.now() >= until || sink.isPassing?.(error) !== true) {
          throw error;
        }
        await setTimeout(RETRY_MS);
      }
    }
  }
}
