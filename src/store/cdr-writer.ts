import { join } from 'node:path';
import type { Log } from '../observe/log.ts';
import type { CallDetailRecord } from './call-detail-record.ts';
import { CSV_HEADER, csvRow } from './csv.ts';
import { DayFiles } from './day-files.ts';

/** Records that may wait for a slow or full disk; the newest ones are dropped beyond it, and counted. */
const MAX_QUEUED_RECORDS = 10_000;

/** Far more than the calls that end within a second. */
const RECENT_BYTES = 1 << 20;

export type CdrFormat = 'jsonl' | 'csv';

type Named = Pick<CallDetailRecord, 'event' | 'id'>;

interface Format {
  readonly header: string;
  readonly lineEnd: string;
  readonly lineOf: (record: CallDetailRecord) => string;
  /** By which the line of a record is found again. */
  readonly markOf: (record: Named) => string;
}

/** One row a format. */
const FORMATS: Readonly<Record<CdrFormat, Format>> = {
  jsonl: {
    header: '',
    lineEnd: '\n',
    lineOf: (record) => `${JSON.stringify(record)}\n`,
    markOf: ({ event, id }) => `{"event":"${event}","id":"${id}"`,
  },
  csv: { header: CSV_HEADER, lineEnd: '\r\n', lineOf: csvRow, markOf: ({ event, id }) => `${id},${event},` },
};

export interface CdrWriterOptions {
  /** `dataDir` of the configuration; the files are `cdr/YYYY-MM-DD.jsonl` and `.csv` in it (UTC day of the record). */
  readonly dataDir: string;
  readonly formats?: readonly CdrFormat[];
  readonly log: Log;
}

interface Queued {
  readonly day: string;
  readonly record: CallDetailRecord;
  readonly formats: readonly CdrFormat[];
}

interface Sink {
  readonly name: CdrFormat;
  readonly format: Format;
  readonly files: DayFiles;
}

/**
 * Appends call detail records, a line each. `write` never waits and never throws: a call does not depend on the disk. A
 * disk that fails is reported once, and once more when it works again.
 */
export class CdrWriter {
  readonly #log: Log;
  readonly #sinks: readonly Sink[];
  #queued: Queued[] = [];
  #writing: Promise<void> | undefined;
  #failing = false;
  #lostLines = 0;
  #closed = false;

  constructor({ dataDir, formats = ['jsonl'], log }: CdrWriterOptions) {
    const directory = join(dataDir, 'cdr');
    this.#log = log;
    this.#sinks = [...new Set(formats)].map((extension) => {
      const format = FORMATS[extension];
      const { header, lineEnd } = format;
      return { name: extension, format, files: new DayFiles({ directory, extension, header, lineEnd }) };
    });
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
  async missing(at: Date): Promise<(record: Named) => CdrFormat[]> {
    const day = at.toISOString().slice(0, 10);
    const tails = await Promise.all(
      this.#sinks.map(async (sink) => ({ ...sink, text: await sink.files.tail(day, RECENT_BYTES) })),
    );
    return (record) =>
      tails.filter(({ format, text }) => !text.includes(format.markOf(record))).map(({ name }) => name);
  }

  /** Resolves when everything written so far is on the disk or counted as lost. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Flushes; later records are counted as lost. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    await Promise.all(this.#sinks.map(({ files }) => files.close().catch(() => {})));
  }

  async #drain(): Promise<void> {
    while (this.#queued.length > 0) {
      const day = this.#queued[0]?.day ?? '';
      const end = this.#queued.findIndex((entry) => entry.day !== day);
      const batch = this.#queued.splice(0, end === -1 ? this.#queued.length : end);
      for (const { name, format, files } of this.#sinks) {
        const lines = batch.filter(({ formats }) => formats.includes(name)).map(({ record }) => format.lineOf(record));
        if (lines.length > 0) {
          await this.#append(files, day, lines);
        }
      }
    }
    this.#writing = undefined;
  }

  async #append(files: DayFiles, day: string, lines: readonly string[]): Promise<void> {
    const path = files.pathOf(day);
    try {
      await files.append(day, lines.join(''));
      if (this.#failing) {
        this.#failing = false;
        this.#log.warn({ path, count: this.#lostLines }, 'call records are written again; some were lost');
      }
    } catch (err) {
      this.#lostLines += lines.length;
      if (!this.#failing) {
        this.#failing = true;
        this.#log.error({ err, path }, 'cannot write call records; calls go on without them');
      }
    }
  }
}
