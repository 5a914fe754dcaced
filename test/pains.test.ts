import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PAINS } from './pains.ts';
import { projectRoot } from './support/project.ts';

/** Names of tests, of subtests and of rows of a table, that claim a pain. */
const CLAIM = /^\s*(?:(?:await )?(?:t\.)?test\()?['"`][^'"`]*\bpains? ([0-9]+(?:, [0-9]+)*): /gm;

function claims(): Map<number, string[]> {
  const found = new Map<number, string[]>();
  const folder = join(projectRoot, 'test');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.test.ts')) {
      continue;
    }
    for (const [, numbers = ''] of readFileSync(join(folder, name), 'utf8').matchAll(CLAIM)) {
      for (const number of numbers.split(', ').map(Number)) {
        found.set(number, [...(found.get(number) ?? []), name]);
      }
    }
  }
  return found;
}

test('each pain of relay operators has a test that carries its number, or a reason why it has none', (t) => {
  const found = claims();
  const missing = PAINS.filter(({ number, left }) => left === undefined && !found.has(number)).map(
    ({ number }) => number,
  );
  const left = PAINS.filter((row) => row.left !== undefined);
  t.diagnostic(`${PAINS.length} pains: ${PAINS.length - left.length} closed and tested, ${left.length} left`);
  assert.deepEqual(missing, [], 'without test and reason');
});

test('no test claims a pain that there is not, or that is said to be left', () => {
  const closed = new Set(PAINS.filter(({ left }) => left === undefined).map(({ number }) => number));
  assert.deepEqual(
    [...claims().keys()].filter((number) => !closed.has(number)),
    [],
  );
});

test('the pains are numbered from 1 to 30', () => {
  assert.deepEqual(
    PAINS.map(({ number }) => number),
    Array.from({ length: 30 }, (_, index) => index + 1),
  );
});
