/** The SQLite driver, whose binary comes with the package for most systems. */
import type Libsql from 'libsql';

export type SqliteDatabase = Libsql.Database;
export type Sqlite = typeof Libsql;

/** A text instead says why there is none. Never rejects. */
export async function loadSqlite(): Promise<Sqlite | string> {
  try {
    return (await import('libsql')).default;
  } catch (error) {
    const [first = ''] = String((error as Error).message).split('\n');
    return `libsql has no binary for this system: ${first}`;
  }
}
