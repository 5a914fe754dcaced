/** Call records as rows of SQLite, read by a connection of its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CallDetailRecord } from '../../../src/store/call-detail-record.ts';
import { CdrWriter } from '../../../src/store/cdr-writer.ts';
import { loadSqlite, type Sqlite } from '../../../src/store/sqlite.ts';
import { recordingLog } from '../../support/logs.ts';
import { waitFor } from '../../support/wait.ts';

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ims-sqlite-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function driver(): Promise<Sqlite> {
  const sqlite = await loadSqlite();
  assert.ok(typeof sqlite !== 'string', `libsql: ${sqlite}`);
  return sqlite;
}

function record(id: string, more: Partial<CallDetailRecord> = {}): CallDetailRecord {
  return {
    event: 'call',
    id,
    callId: `${id}@host`,
    caller: { uri: "sip:o'brien@h" },
    callee: { uri: 'sip:1002@h' },
    invitedAt: '2026-11-22T23:59:50.000Z',
    ...more,
  };
}

function rows(sqlite: Sqlite, dataDir: string, query: string): unknown[] {
  const database = new sqlite(join(dataDir, 'cdr', 'calls.sqlite'));
  try {
    return database.prepare(query).all();
  } finally {
    database.close();
  }
}

/** As another process sees them: within one, SQLite mixes up the names of a file. */
function idsForOthers(dataDir: string): unknown {
  const path = join(dataDir, 'cdr', 'calls.sqlite');
  const script = `import Sqlite from ${JSON.stringify(import.meta.resolve('libsql'))};
    const rows = new Sqlite(${JSON.stringify(path)}).prepare('SELECT id FROM cdr ORDER BY rowid').all();
    console.log(JSON.stringify(rows.map(({ id }) => id)));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }));
}

test('a row a record, with the columns of the CSV and the record itself; what comes twice is there once', async (t) => {
  const [dataDir, sqlite] = [await directory(t), await driver()];
  const { log, lines } = recordingLog();
  const media = { packets: 250, lost: 1, codec: 'PCMU', mos: 4.3, verdict: 'flows' };
  const first = record('one', {
    durationSeconds: 5,
    status: 200,
    media: [{ stream: 1, caller: media, callee: media }],
  });
  for (const run of [1, 2]) {
    const writer = new CdrWriter({ dataDir, formats: ['sqlite'], sqlite, log });
    writer.write(first);
    writer.write(record(`run ${run}`));
    await writer.flush();
    const cdr = join(dataDir, 'cdr');
    for (const name of ['calls.sqlite', 'calls.sqlite-wal', 'calls.sqlite-shm']) {
      assert.equal((await stat(join(cdr, name))).mode & 0o777, 0o600, name);
    }
    await writer.close();
  }
  const query = 'SELECT id, caller, duration_seconds, status, caller_codec, callee_mos, record FROM cdr ORDER BY id';
  const [one, ...others] = rows(sqlite, dataDir, query) as Record<string, unknown>[];
  assert.deepEqual(JSON.parse(String(one?.['record'])), first);
  const { record: _record, ...columns } = one ?? {};
  assert.deepEqual(
    { ...columns },
    { id: 'one', caller: "sip:o'brien@h", duration_seconds: 5, status: 200, caller_codec: 'PCMU', callee_mos: 4.3 },
  );
  assert.deepEqual(
    others.map(({ id }) => id),
    ['run 1', 'run 2'],
  );
  assert.deepEqual(lines, []);
});

test('records that are there are not missing, whatever their day; others are', async (t) => {
  const [dataDir, sqlite] = [await directory(t), await driver()];
  const writer = new CdrWriter({ dataDir, formats: ['sqlite', 'jsonl'], sqlite, log: recordingLog().log });
  t.after(() => writer.close());
  writer.write(record('one'), ['sqlite']);
  await writer.flush();
  const missing = await writer.missing(new Date('2026-11-25T00:00:00Z'));
  assert.deepEqual(missing(record('one')), ['jsonl']);
  assert.deepEqual(missing(record('two')), ['sqlite', 'jsonl']);
});

test('a table of an earlier version gets the columns that have come since', async (t) => {
  const [dataDir, sqlite] = [await directory(t), await driver()];
  await mkdir(join(dataDir, 'cdr'));
  const earlier = new sqlite(join(dataDir, 'cdr', 'calls.sqlite'));
  earlier.exec('CREATE TABLE cdr (id, event, call_id, invited_at, record TEXT, PRIMARY KEY (id, event))');
  earlier.close();
  const { log, lines } = recordingLog();
  const writer = new CdrWriter({ dataDir, formats: ['sqlite'], sqlite, log });
  writer.write(record('one', { cause: 16 }));
  await writer.close();
  assert.deepEqual(lines, []);
  assert.deepEqual(
    rows(sqlite, dataDir, 'SELECT cause FROM cdr').map((row) => ({ ...(row as object) })),
    [{ cause: 16 }],
  );
});

test('a database that cannot be written is told once, and goes on when it can', async (t) => {
  const [dataDir, sqlite] = [await directory(t), await driver()];
  const path = join(dataDir, 'cdr', 'calls.sqlite');
  await mkdir(path, { recursive: true });
  const { log, lines } = recordingLog();
  const writer = new CdrWriter({ dataDir, formats: ['sqlite'], sqlite, log });
  for (const id of ['one', 'two']) {
    writer.write(record(id));
    await writer.flush();
  }
  assert.deepEqual([writer.lostLines, lines.length], [2, 1]);
  await rm(path, { recursive: true });
  writer.write(record('three'));
  await writer.close();
  assert.deepEqual([writer.lostLines, lines.length], [2, 2]);
  assert.equal(rows(sqlite, dataDir, 'SELECT id FROM cdr').length, 1);
});

test('a file that is no database is told once; without it records are rows again', async (t) => {
  const [dataDir, sqlite] = [await directory(t), await driver()];
  const path = join(dataDir, 'cdr', 'calls.sqlite');
  await mkdir(join(dataDir, 'cdr'));
  await writeFile(path, 'no database'.repeat(1000));
  const { log, lines } = recordingLog();
  const writer = new CdrWriter({ dataDir, formats: ['sqlite'], sqlite, log });
  for (const id of ['one', 'two']) {
    writer.write(record(id));
    await writer.flush();
  }
  assert.deepEqual([writer.lostLines, lines.length], [2, 1]);
  await rm(path);
  writer.write(record('three'));
  await writer.close();
  assert.deepEqual([writer.lostLines, lines.length], [2, 2]);
  assert.equal(rows(sqlite, dataDir, 'SELECT id FROM cdr').length, 1);
});

test('a database that was moved away is whole; what comes then is in a new one', async (t) => {
  const [dataDir, sqlite] = [await directory(t), await driver()];
  const writer = new CdrWriter({ dataDir, formats: ['sqlite'], sqlite, log: recordingLog().log });
  for (const id of ['one', 'two']) {
    writer.write(record(id));
    await writer.flush();
  }
  const archive = join(dataDir, 'archive');
  await mkdir(join(archive, 'cdr'), { recursive: true });
  await rename(join(dataDir, 'cdr', 'calls.sqlite'), join(archive, 'cdr', 'calls.sqlite'));
  writer.write(record('three'));
  await writer.close();
  assert.deepEqual([idsForOthers(archive), idsForOthers(dataDir)], [['one', 'two'], ['three']]);
  assert.equal(writer.lostLines, 0);
});

test('records wait for a program that holds the database, and the other formats do not', async (t) => {
  const [dataDir, sqlite] = [await directory(t), await driver()];
  const { log, lines } = recordingLog();
  const writer = new CdrWriter({ dataDir, formats: ['sqlite', 'jsonl'], sqlite, log });
  t.after(() => writer.close());
  writer.write(record('one'));
  await writer.flush();
  const other = new sqlite(join(dataDir, 'cdr', 'calls.sqlite'));
  other.exec('BEGIN EXCLUSIVE');
  writer.write(record('two'));
  const text = join(dataDir, 'cdr', '2026-11-22.jsonl');
  await waitFor('the line of the second', async () => (await readFile(text, 'utf8')).includes('"id":"two"'));
  other.exec('COMMIT');
  other.close();
  await writer.flush();
  assert.deepEqual([writer.lostLines, lines], [0, []]);
  assert.equal(rows(sqlite, dataDir, 'SELECT id FROM cdr').length, 2);
});

test('where the driver has no binary, lines of JSON take its place, and the log says so', async (t) => {
  const dataDir = await directory(t);
  const { log, lines } = recordingLog();
  const writer = new CdrWriter({ dataDir, formats: ['sqlite'], sqlite: 'no binary', log });
  writer.write(record('one'));
  await writer.close();
  assert.match(await readFile(join(dataDir, 'cdr', '2026-11-22.jsonl'), 'utf8'), /"id":"one"/);
  assert.match(lines.join(), /no SQLite here/);
});
