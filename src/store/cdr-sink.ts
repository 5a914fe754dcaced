import type { CallDetailRecord } from './call-detail-record.ts';

export type CdrFormat = 'jsonl' | 'csv' | 'sqlite';

/** What tells a record from all others. */
export type NamedRecord = Pick<CallDetailRecord, 'event' | 'id'>;

/** One form in which call records are kept on the disk. */
export interface CdrSink {
  readonly name: CdrFormat;
  /** The file of that day (YYYY-MM-DD, UTC). */
  pathOf(day: string): string;
  /** All of them or none, as far as the form allows. @throws Error: the disk refused */
  append(day: string, records: readonly CallDetailRecord[]): Promise<void>;
  /** The disk refused for a reason that goes by itself, in seconds. Undefined: there is no such reason. */
  isPassing?(error: unknown): boolean;
  /** Tells which records are there already; of text files only the last ones are looked at. */
  present(day: string): Promise<(record: NamedRecord) => boolean>;
  /** Idempotent. */
  close(): Promise<void>;
}
