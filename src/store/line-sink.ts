import type { CallDetailRecord } from './call-detail-record.ts';
import type { CdrFormat, CdrSink, NamedRecord } from './cdr-sink.ts';
import { CSV_HEADER, csvRow } from './csv.ts';
import { DayFiles } from './day-files.ts';

/** Far more than the calls that end within a second. */
const RECENT_BYTES = 1 << 20;

interface Format {
  readonly header: string;
  readonly lineEnd: string;
  readonly lineOf: (record: CallDetailRecord) => string;
  /** By which the line of a record is found again. */
  readonly markOf: (record: NamedRecord) => string;
}

/** One row a format. */
const FORMATS: Readonly<Record<Exclude<CdrFormat, 'sqlite'>, Format>> = {
  jsonl: {
    header: '',
    lineEnd: '\n',
    lineOf: (record) => `${JSON.stringify(record)}\n`,
    markOf: ({ event, id }) => `{"event":"${event}","id":"${id}"`,
  },
  csv: { header: CSV_HEADER, lineEnd: '\r\n', lineOf: csvRow, markOf: ({ event, id }) => `${id},${event},` },
};

/** Records as lines of text, in a file a day. */
export class LineSink implements CdrSink {
  readonly name: keyof typeof FORMATS;
  readonly #format: Format;
  readonly #files: DayFiles;

  constructor(directory: string, name: keyof typeof FORMATS) {
    this.name = name;
    this.#format = FORMATS[name];
    const { header, lineEnd } = this.#format;
    this.#files = new DayFiles({ directory, extension: name, header, lineEnd });
  }

  pathOf(day: string): string {
    return this.#files.pathOf(day);
  }

  append(day: string, records: readonly CallDetailRecord[]): Promise<void> {
    return this.#files.append(day, records.map(this.#format.lineOf).join(''));
  }

  async present(day: string): Promise<(record: NamedRecord) => boolean> {
    const text = await this.#files.tail(day, RECENT_BYTES);
    return (record) => text.includes(this.#format.markOf(record));
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}
