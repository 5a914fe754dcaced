import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TimedRecord, TimeMerge } from '../../../../src/cli/capture/time-merge.ts';

function record(at: number, name: number): TimedRecord {
  return { at, bytes: new Uint8Array([name]) };
}

const namesOf = (records: readonly TimedRecord[]): number[] => records.map(({ bytes }) => bytes[0] ?? 0);

test('nothing is told before both feeds are past it; of equals the first feed comes first', () => {
  const merge = new TimeMerge(2);
  merge.push(1, [record(10, 1), record(20, 2), record(40, 4)], 45);
  assert.deepEqual(merge.take(), []);
  merge.push(0, [record(20, 9)], 30);
  assert.deepEqual(namesOf(merge.take()), [1, 9, 2]);
  merge.push(0, [], 50);
  assert.deepEqual(namesOf(merge.take()), [4]);
  merge.push(0, [record(60, 6)], 60);
  merge.push(1, [record(55, 5)], 55);
  assert.deepEqual(namesOf(merge.take()), [5]);
  assert.deepEqual(namesOf(merge.takeAll()), [6]);
  assert.deepEqual(merge.takeAll(), []);
});

test('a clock that is set back holds nothing up', () => {
  const merge = new TimeMerge(2);
  merge.push(0, [], 1000);
  merge.push(1, [record(900, 1), record(2000, 2), record(950, 3)], 1000);
  assert.deepEqual(namesOf(merge.take()), [1, 3, 2]);
  merge.push(1, [record(960, 4)], 970);
  assert.deepEqual(namesOf(merge.take()), [4]);
});
