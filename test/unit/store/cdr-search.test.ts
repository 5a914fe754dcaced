import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { searchCdrs } from '../../../src/store/cdr-search.ts';
import { openScope, type Scope, temporaryDirectory } from '../../support/scope.ts';

const DAY = '2026-11-23';

function record(number: number, extra: object = {}): string {
  return JSON.stringify({
    event: 'call',
    id: `id-${number}`,
    callId: `call-${number}@phone`,
    caller: { uri: `sip:${1000 + number}@example.org` },
    callee: { uri: 'sip:Anna@example.org', address: '192.0.2.7:5060' },
    invitedAt: `${DAY}T10:00:00.000Z`,
    cause: 16,
    ...extra,
  });
}

async function dataDirOf(scope: Scope, text: string): Promise<string> {
  const dataDir = await temporaryDirectory(scope);
  await mkdir(join(dataDir, 'cdr'));
  await writeFile(join(dataDir, 'cdr', `${DAY}.jsonl`), text);
  return dataDir;
}

const ALL = { day: DAY, text: '', cause: undefined, limit: 10 } as const;

test('a number, an address or a Call-ID is found in any case, the newest record first; a cause narrows it', async (t) => {
  const scope = openScope(t);
  const lines = [record(1), record(2, { cause: 17 }), record(3)];
  const dataDir = await dataDirOf(scope, `${lines.join('\n')}\n`);
  const ids = async (query: object): Promise<string[]> =>
    (await searchCdrs(dataDir, { ...ALL, ...query })).records.map(({ id }) => id);
  assert.deepEqual(await ids({}), ['id-3', 'id-2', 'id-1']);
  assert.deepEqual(await ids({ text: '1002' }), ['id-2']);
  assert.deepEqual(await ids({ text: 'CALL-3@' }), ['id-3']);
  assert.deepEqual(await ids({ text: 'anna' }), ['id-3', 'id-2', 'id-1']);
  assert.deepEqual(await ids({ text: '192.0.2.7' }), ['id-3', 'id-2', 'id-1']);
  assert.deepEqual(await ids({ cause: 17 }), ['id-2']);
  assert.deepEqual(await ids({ text: 'invitedAt' }), [], 'what the fields are called is no match');
  assert.deepEqual(await ids({ day: '2026-11-22' }), []);
  assert.deepEqual(await ids({ day: '../../etc/passwd' }), []);
});

test('the limit is told, and counts what matches', async (t) => {
  const dataDir = await dataDirOf(openScope(t), `${[1, 2, 3].map((each) => record(each)).join('\n')}\n`);
  const { records, truncated } = await searchCdrs(dataDir, { ...ALL, limit: 2 });
  assert.deepEqual([records.length, truncated], [2, true]);
  assert.equal((await searchCdrs(dataDir, { ...ALL, limit: 3 })).truncated, false);
});

test('a file of many chunks loses no line, wherever a line is cut', async (t) => {
  const count = 6000;
  const lines = Array.from({ length: count }, (_, index) => record(index, { reason: 'ü'.repeat(index % 97) }));
  const dataDir = await dataDirOf(openScope(t), `${lines.join('\n')}\n`);
  const { records, truncated } = await searchCdrs(dataDir, { ...ALL, limit: count });
  assert.deepEqual(
    records.map(({ id }) => id),
    Array.from({ length: count }, (_, index) => `id-${count - 1 - index}`),
  );
  assert.equal(truncated, false);
  assert.deepEqual(
    records.find(({ id }) => id === 'id-96'),
    JSON.parse(lines[96] ?? ''),
  );
});

test('torn lines, endless lines and what is no record are passed over', async (t) => {
  const strange = ['{"event":"call","id":"torn', 'null', '{}', '[1]', 'x'.repeat(800_000), '', '\u0000'];
  const last = record(7, { callId: '<b>"quoted"\\</b>', calleeCallId: 3 });
  const dataDir = await dataDirOf(openScope(t), `${record(6)}\n${strange.join('\n')}\n${last}`);
  const { records } = await searchCdrs(dataDir, ALL);
  assert.deepEqual(
    records.map(({ id }) => id),
    ['id-7', 'id-6'],
  );
  assert.equal((await searchCdrs(dataDir, { ...ALL, text: '"QUOTED"\\' })).records.length, 1);
});
