import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KeyedJournal } from '../../../src/store/keyed-journal.ts';
import { silentLog } from '../../support/logs.ts';

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ims-journal-'));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, 'below', 'state.jsonl');
}

/** A journal of what is in `values`, with the sentences that it logs. */
function open(path: string, values = new Map<string, number>()) {
  const said: string[] = [];
  const say = (_: object, sentence: string): void => void said.push(sentence);
  const log = { ...silentLog(), warn: say, error: say };
  const journal = new KeyedJournal<number>({ path, snapshot: () => values, log });
  const set = (key: string, value: number | undefined): void => {
    if (value === undefined) {
      values.delete(key);
    } else {
      values.set(key, value);
    }
    journal.set(key, value);
  };
  return { journal, set, said };
}

test('the last value of a key counts, and a key without one is gone', async (t) => {
  const path = await place(t);
  const { journal, set } = open(path);
  assert.deepEqual(journal.read(), new Map());
  set('a', 1);
  set('b', 2);
  await journal.flush();
  set('a', 3);
  set('b', undefined);
  await journal.close();
  assert.deepEqual([...open(path).journal.read()], [['a', 3]]);
});

test('a torn line costs itself only, also when the next run appends to it', async (t) => {
  const path = await place(t);
  const first = open(path);
  first.set('a', 1);
  await first.journal.close();
  appendFileSync(path, '{"key":"b","val');
  const second = open(path);
  assert.deepEqual([...second.journal.read()], [['a', 1]]);
  second.set('c', 3);
  await second.journal.close();
  assert.deepEqual(
    [...open(path).journal.read()],
    [
      ['a', 1],
      ['c', 3],
    ],
  );
});

test('a file that is mostly out of date is made anew, with what holds', async (t) => {
  const path = await place(t);
  const { journal, set } = open(path);
  for (let round = 0; round < 30; round++) {
    for (let key = 0; key < 100; key++) {
      set(`key ${key}`, round);
    }
    await journal.flush();
  }
  const lines = readFileSync(path, 'utf8').split('\n').length;
  assert.ok(lines <= 1101, `${lines} lines for 3000 changes`);
  const found = open(path).journal.read();
  assert.equal(found.size, 100);
  assert.ok([...found.values()].every((value) => value === 29));
});

test('a disk that refuses is reported once; when it works again, everything is there', async (t) => {
  const path = await place(t);
  const { journal, set, said } = open(path);
  writeFileSync(join(path, '..', '..', 'below'), 'a file in the place of the directory');
  set('a', 1);
  await journal.flush();
  set('b', 2);
  await journal.flush();
  rmSync(join(path, '..'));
  set('c', 3);
  await journal.close();
  assert.equal(said.length, 2);
  assert.deepEqual([...open(path).journal.read().keys()], ['a', 'b', 'c']);
});

test('whatever the file holds, reading it is no more than a warning', async (t) => {
  const path = await place(t);
  mkdirSync(join(path, '..'));
  writeFileSync(path, 'null\n[]\n{"key":7}\n"x"\n{"key":"a"}\n{"key":"b","value":null}\n\u0000\n');
  assert.deepEqual([...open(path).journal.read()], [['b', null]]);
  rmSync(path);
  mkdirSync(path);
  const { journal, said } = open(path);
  assert.deepEqual(journal.read(), new Map());
  assert.equal(said.length, 1);
});
