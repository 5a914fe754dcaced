import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CallDetailRecord } from '../../../src/store/call-detail-record.ts';
import { CdrWriter } from '../../../src/store/cdr-writer.ts';
import { CSV_HEADER, csvRow } from '../../../src/store/csv.ts';
import { recordingLog } from '../../support/logs.ts';

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ims-cdr-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

function record(id: string, endedAt: string): CallDetailRecord {
  return {
    event: 'call',
    id,
    callId: `${id}@host`,
    caller: { uri: 'sip:1001@h' },
    callee: { uri: 'sip:1002@h' },
    invitedAt: '2026-11-22T23:59:50.000Z',
    endedAt,
  };
}

test('one JSON line a record, in the file of the day on which the call ended, readable by us alone', async (t) => {
  const dataDir = await directory(t);
  const writer = new CdrWriter({ dataDir, log: recordingLog().log });
  writer.write(record('a', '2026-11-22T23:59:59.000Z'));
  writer.write(record('b', '2026-11-23T00:00:01.000Z'));
  writer.write(record('c', '2026-11-23T00:00:02.000Z'));
  await writer.close();
  const read = async (day: string): Promise<string[]> =>
    (await readFile(join(dataDir, 'cdr', `${day}.jsonl`), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as CallDetailRecord).id);
  assert.deepEqual(await read('2026-11-22'), ['a']);
  assert.deepEqual(await read('2026-11-23'), ['b', 'c']);
  assert.equal((await stat(join(dataDir, 'cdr'))).mode & 0o777, 0o700);
  assert.equal((await stat(join(dataDir, 'cdr', '2026-11-22.jsonl'))).mode & 0o777, 0o600);
  assert.equal(writer.lostLines, 0);
});

test('a disk that fails: one error line, lost records are counted, and it goes on when it can', async (t) => {
  const dataDir = await directory(t);
  const { log, lines } = recordingLog();
  // A file where the directory should be.
  await writeFile(join(dataDir, 'cdr'), '');
  const writer = new CdrWriter({ dataDir, log });
  for (const id of ['a', 'b']) {
    writer.write(record(id, '2026-11-22T10:00:00.000Z'));
    await writer.flush();
  }
  assert.equal(writer.lostLines, 2);
  assert.deepEqual(lines, ['error: cannot write call records; calls go on without them']);
  await rm(join(dataDir, 'cdr'));
  writer.write(record('c', '2026-11-22T10:00:00.000Z'));
  await writer.close();
  assert.deepEqual(await readdir(join(dataDir, 'cdr')), ['2026-11-22.jsonl']);
  assert.match(lines[1] ?? '', /^warn: call records are written again/);
});

test('a torn line gets its end before the next record, whole lines are followed by no empty one', async (t) => {
  const dataDir = await directory(t);
  const path = join(dataDir, 'cdr', '2026-11-22.jsonl');
  const ids = async (): Promise<string[]> =>
    (await readFile(path, 'utf8')).split('\n').map((line) => line.slice(0, 25));
  for (const [before, after] of [
    ['{"event":"call","id":"tor', ['{"event":"call","id":"tor', '{"event":"call","id":"a",', '']],
    ['{"whole":1}\n', ['{"whole":1}', '{"event":"call","id":"a",', '']],
    ['', ['{"event":"call","id":"a",', '']],
  ] as const) {
    await mkdir(join(dataDir, 'cdr'), { recursive: true });
    await writeFile(path, before);
    const writer = new CdrWriter({ dataDir, log: recordingLog().log });
    writer.write(record('a', '2026-11-22T10:00:00.000Z'));
    await writer.close();
    assert.deepEqual(await ids(), after);
  }
  // A failure that left nothing behind: the disk was full, say.
  await rm(join(dataDir, 'cdr'), { recursive: true });
  await writeFile(join(dataDir, 'cdr'), '');
  const writer = new CdrWriter({ dataDir, log: recordingLog().log });
  writer.write(record('lost', '2026-11-22T10:00:00.000Z'));
  await writer.flush();
  await rm(join(dataDir, 'cdr'));
  writer.write(record('b', '2026-11-22T10:00:00.000Z'));
  await writer.close();
  assert.deepEqual(await ids(), ['{"event":"call","id":"b",', '']);
});

test('a directory below /proc is refused at once', { skip: process.platform !== 'linux' }, async () => {
  const { log, lines } = recordingLog();
  const writer = new CdrWriter({ dataDir: '/proc/ims-launch/data', log });
  writer.write(record('a', '2026-11-22T10:00:00.000Z'));
  await writer.close();
  assert.deepEqual([lines.length, writer.lostLines], [1, 1]);
});

test('after close a record is counted as lost', async (t) => {
  const writer = new CdrWriter({ dataDir: await directory(t), log: recordingLog().log });
  await writer.close();
  writer.write(record('a', '2026-11-22T10:00:00.000Z'));
  assert.equal(writer.lostLines, 1);
});

test('CSV beside JSON lines: a header, one row a record, and no cell that a spreadsheet would run', async (t) => {
  const dataDir = await directory(t);
  const day = '2026-11-22';
  for (const id of ['a', 'b']) {
    const writer = new CdrWriter({ dataDir, formats: ['jsonl', 'csv'], log: recordingLog().log });
    const hostile = { ...record(id, `${day}T23:59:59.000Z`), callId: '=cmd|"/c calc",1', cause: 16, status: 200 };
    writer.write(hostile);
    await writer.close();
  }
  const rows = (await readFile(join(dataDir, 'cdr', `${day}.csv`), 'utf8')).split('\r\n');
  assert.equal(rows.length, 4);
  assert.match(rows[0] ?? '', /^id,event,call_id,callee_call_id,caller,.*,status,cause,reason,relay_ports_caller,/);
  assert.match(rows[1] ?? '', /^a,call,"'=cmd\|""\/c calc"",1",,sip:1001@h,,sip:1002@h,/);
  assert.match(rows[2] ?? '', /^b,call,/);
  assert.equal((await readFile(join(dataDir, 'cdr', `${day}.jsonl`), 'utf8')).trimEnd().split('\n').length, 2);
});

test('whether a record is on the disk is told in either format', async (t) => {
  for (const format of ['jsonl', 'csv'] as const) {
    const writer = new CdrWriter({ dataDir: await directory(t), formats: [format], log: recordingLog().log });
    writer.write(record('a', '2026-11-22T23:59:59.000Z'));
    await writer.close();
    const missing = await writer.missing(new Date('2026-11-22T23:59:59.500Z'));
    assert.deepEqual([missing({ id: 'a', event: 'call' }), missing({ id: 'b', event: 'call' })], [[], [format]]);
    const another = await writer.missing(new Date('2026-11-23T00:00:00.000Z'));
    assert.deepEqual(another({ id: 'a', event: 'call' }), [format]);
  }
});

test('a record that one format has and the other lacks, since a kill came between, is written to that one', async (t) => {
  const dataDir = await directory(t);
  const at = '2026-11-22T23:59:59.000Z';
  const first = new CdrWriter({ dataDir, log: recordingLog().log });
  first.write(record('a', at));
  await first.close();
  const second = new CdrWriter({ dataDir, formats: ['jsonl', 'csv'], log: recordingLog().log });
  const missing = await second.missing(new Date(at));
  second.write(record('a', at), missing({ id: 'a', event: 'call' }));
  await second.close();
  const read = (ending: string) => readFile(join(dataDir, 'cdr', `2026-11-22.${ending}`), 'utf8');
  assert.equal((await read('jsonl')).trimEnd().split('\n').length, 1);
  assert.match(await read('csv'), /\r\na,call,/);
});

test('CSV has the relay and the media of the first stream in its last columns', () => {
  const caller = { packets: 250, lost: 5, lossPercent: 1.96, codec: 'PCMA', jitterMs: 2.5, mos: 4.2, verdict: 'flows' };
  const media = [{ stream: 1, caller, callee: { packets: 0 } }];
  const rowOf = (extra: Partial<CallDetailRecord>): string[] =>
    csvRow({ ...record('a', '2026-11-22T10:00:00.000Z'), ...extra })
      .trimEnd()
      .split(',');
  const names = CSV_HEADER.trimEnd().split(',');
  const first = names.indexOf('relay');
  assert.deepEqual(names.slice(first, first + 4), ['relay', 'caller_codec', 'caller_packets', 'caller_lost']);
  const told = ['127.0.0.1:7722', 'PCMA', '250', '5', '1.96', '2.5', '4.2', 'flows', '', '0', '', '', '', '', ''];
  assert.deepEqual(rowOf({ relay: '127.0.0.1:7722', media }).slice(first), told);
  assert.equal(rowOf({}).length, names.length, 'a call without media has all columns, too');
});
