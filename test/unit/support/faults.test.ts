import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRows, summary, unknownRows } from '../../faults/outcomes.ts';
import { ROWS, rowsOf } from '../../faults/rows.ts';
import { survivorLine, survivorOf } from '../../faults/survivor-line.ts';

test('there are a hundred rows, numbered without a gap', () => {
  assert.deepEqual(
    ROWS.map(({ number }) => number),
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
  assert.equal(new Set(ROWS.map(({ rule }) => rule)).size, 100, 'each says something of its own');
});

test('a test claims rows by its name', () => {
  assert.deepEqual(rowsOf('fault 7: a rule'), [7]);
  assert.deepEqual(rowsOf('faults 60, 61: a rule'), [60, 61]);
  assert.deepEqual(rowsOf('faults 12-14 and 20: a rule'), [12, 13, 14, 20]);
  for (const none of ['a rule', 'fault: a rule', 'default 7: a rule', 'fault 7 is shown elsewhere', '98: a rule']) {
    assert.deepEqual(rowsOf(none), [], none);
  }
});

test('a row counts when one of its tests passed and none failed', () => {
  const name = '';
  const judged = judgeRows([
    { rows: [1, 2], result: 'passed', name },
    { rows: [2], result: 'failed', name },
    { rows: [3], result: 'skipped', name },
    { rows: [4], result: 'skipped', name },
    { rows: [4], result: 'passed', name },
  ]);
  assert.deepEqual(
    judged.slice(0, 5).map(({ verdict }) => verdict),
    ['passed', 'failed', 'skipped', 'passed', 'no test'],
  );
  assert.match(
    summary(judged),
    /^100 faults: 2 automated and passed, 0 manual, 1 failed \(2\), 1 skipped \(3\), 96 without a test \(5, 6, /,
  );
});

test('a number beyond the list is a slip', () => {
  assert.deepEqual(unknownRows([{ rows: [100, 101, 0], result: 'passed', name: '' }]), [101, 0]);
});

test('what the oracle prints about a test is read by the reporter', () => {
  const name = 'fault 7: "quoted", and \\ too';
  assert.equal(survivorOf(`${survivorLine(name, ['12 sleep 60', '13 sh'])}\n`), name);
  assert.equal(survivorOf('something else'), undefined);
});
