import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallDetailRecord } from './call-detail-record.ts';
import type { CdrSink, NamedRecord } from './cdr-sink.ts';
import { COLUMNS } from './columns.ts';
import type { Sqlite, SqliteDatabase } from './sqlite.ts';

/** Another program may hold the database for so long, milliseconds; we wait in the event loop. Who called may try again. */
const BUSY_MS = 50;

const NAMES = COLUMNS.map(([name]) => name);

/**
 * Records as rows of one table, `cdr` in `cdr/calls.sqlite`, with the columns of the CSV and the whole record as JSON. A
 * record that comes twice is there once. What was written is there after `kill -9` (WAL); after a loss of power the last
 * second may be missing.
 */
export class SqliteSink implements CdrSink {
  readonly name = 'sqlite';
  readonly #sqlite: Sqlite;
  readonly #directory: string;
  #database: SqliteDatabase | undefined;
  /** Device and inode of the file. */
  #identity = '';

  constructor(sqlite: Sqlite, directory: string) {
    this.#sqlite = sqlite;
    this.#directory = directory;
  }

  pathOf(): string {
    return join(this.#directory, 'calls.sqlite');
  }

  async append(_day: string, records: readonly CallDetailRecord[]): Promise<void> {
    const database = await this.#open();
    try {
      const insert = database.prepare(INSERT);
      database.exec('BEGIN IMMEDIATE');
      for (const record of records) {
        insert.run([...COLUMNS.map(([, of]) => of(record) ?? null), JSON.stringify(record)]);
      }
      database.exec('COMMIT');
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  async present(): Promise<(record: NamedRecord) => boolean> {
    const find = (await this.#open()).prepare('SELECT 1 FROM cdr WHERE id = ? AND event = ?');
    return ({ id, event }) => find.get(id, event) !== undefined;
  }

  async close(): Promise<void> {
    this.#forget();
  }

  /** Another program holds the database: a report, or a clean-up of old rows. */
  isPassing(error: unknown): boolean {
    return /^SQLITE_(?:BUSY|LOCKED)/.test(String((error as { readonly code?: unknown }).code));
  }

  /** The next record opens it anew: the file may be another one by then, or the disk works again. */
  #forget(): void {
    const database = this.#database;
    this.#database = undefined;
    database?.close();
  }

  /** The file was moved or deleted: what it lacks is in the log, which stays behind with the name. */
  #leave(database: SqliteDatabase): void {
    try {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.#forget();
    }
  }

  async #open(): Promise<SqliteDatabase> {
    if (this.#database !== undefined && (await identityAt(this.pathOf())) !== this.#identity) {
      this.#leave(this.#database);
    }
    if (this.#database === undefined) {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      // Made by us, for the mode; SQLite gives its side files the same.
      await (await open(this.pathOf(), 'a', 0o600)).close();
      this.#identity = await identityAt(this.pathOf());
      this.#database = this.#prepared(new this.#sqlite(this.pathOf()));
    }
    return this.#database;
  }

  #prepared(database: SqliteDatabase): SqliteDatabase {
    try {
      database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      database.exec('PRAGMA journal_mode = WAL');
      database.exec('PRAGMA synchronous = NORMAL');
      database.exec(TABLE);
      this.#addColumns(database);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** A table of an earlier version lacks what has come since. */
  #addColumns(database: SqliteDatabase): void {
    const known = new Set(
      (database.prepare('PRAGMA table_info(cdr)').all() as { name: string }[]).map(({ name }) => name),
    );
    for (const name of NAMES.filter((each) => !known.has(each))) {
      database.exec(`ALTER TABLE cdr ADD COLUMN ${name}`);
    }
  }
}

async function identityAt(path: string): Promise<string> {
  const { dev, ino } = await stat(path).catch(() => ({ dev: 0, ino: 0 }));
  return `${dev}/${ino}`;
}

const TABLE = `
  CREATE TABLE IF NOT EXISTS cdr (${NAMES.join(', ')}, record TEXT, PRIMARY KEY (id, event));
  CREATE INDEX IF NOT EXISTS cdr_invited_at ON cdr (invited_at);
  CREATE INDEX IF NOT EXISTS cdr_call_id ON cdr (call_id);
`;

const INSERT = `
  INSERT OR REPLACE INTO cdr (${[...NAMES, 'record'].join(', ')})
  VALUES (${[...NAMES, 'record'].map(() => '?').join(', ')})
`;
