import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ring } from '../../../src/observe/ring.ts';

test('keeps the last ones, by number and by size', () => {
  const ring = new Ring<string>({ count: 3, size: 10 }, (text) => text.length);
  for (const text of ['a', 'b', 'c', 'd']) {
    ring.push(text);
  }
  assert.deepEqual(ring.recent(), ['b', 'c', 'd']);
  ring.push('123456789');
  assert.deepEqual(ring.recent(), ['d', '123456789']);
  ring.push('more than ten');
  assert.deepEqual(ring.recent(), []);
  ring.push('e');
  assert.deepEqual(ring.recent(), ['e']);
});

test('followers get what comes, until they leave', () => {
  const ring = new Ring<number>({ count: 1, size: 1 }, () => 1);
  const seen: number[] = [];
  ring.push(1);
  const leave = ring.follow((item) => seen.push(item));
  ring.push(2);
  leave();
  ring.push(3);
  assert.deepEqual(seen, [2]);
});
