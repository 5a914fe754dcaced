import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTimeOf } from '../../../src/io/process-table.ts';
import { deadRuns, recordRun } from '../../../src/io/run-record.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';

const RUN_ID = '0123456789abcdef';

test('a run that lives is not dead, and its clean end leaves no record', async (t) => {
  const dataDir = await temporaryDirectory(openScope(t));
  const remove = recordRun(dataDir, RUN_ID);
  assert.deepEqual(await readdir(join(dataDir, 'runs')), [`${RUN_ID}.json`]);
  assert.deepEqual(deadRuns(dataDir), []);
  remove?.();
  assert.deepEqual(await readdir(join(dataDir, 'runs')), []);
});

test('a run is dead when its process is gone, or its number belongs to a process that started at another time', async (t) => {
  const dataDir = await temporaryDirectory(openScope(t));
  const startTime = (startTimeOf(process.pid) ?? 0) + 1;
  const reused = { runId: RUN_ID, pid: process.pid, startTime };
  const gone = { runId: 'fedcba9876543210', pid: 2 ** 22 + 1, startTime: 5 };
  await writeRecords(dataDir, { 'a.json': JSON.stringify(reused), 'b.json': JSON.stringify(gone) });
  assert.deepEqual(deadRuns(dataDir), [reused, gone]);
});

test('what is not a record is passed over', async (t) => {
  const dataDir = await temporaryDirectory(openScope(t));
  const stranger = { runId: 'HOME=/root', pid: 1, startTime: 1 };
  await writeRecords(dataDir, { a: '', b: '{"runId":', c: 'null', d: JSON.stringify(stranger), e: '[1]' });
  assert.deepEqual(deadRuns(dataDir), []);
  assert.deepEqual(deadRuns(join(dataDir, 'nowhere')), []);
});

test('a data directory that cannot be made costs the record, nothing else', async (t) => {
  const dataDir = await temporaryDirectory(openScope(t));
  await writeFile(join(dataDir, 'file'), '');
  assert.equal(recordRun(join(dataDir, 'file'), RUN_ID), undefined);
});

async function writeRecords(dataDir: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(dataDir, 'runs'));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(dataDir, 'runs', name), text);
  }
}
