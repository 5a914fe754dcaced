import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogLimit } from '../../../src/relay/log-limit.ts';
import { ReplyCache } from '../../../src/relay/reply-cache.ts';

test('a cookie is new, then pending, then answered, and new again after 35 s', () => {
  const cache = new ReplyCache();
  assert.deepEqual(cache.begin(0, 'h', 'c'), { kind: 'new' });
  assert.deepEqual(cache.begin(1, 'h', 'c'), { kind: 'pending' });
  cache.finish('h', 'c', 'c 0\n');
  assert.deepEqual(cache.begin(34_999, 'h', 'c'), { kind: 'reply', text: 'c 0\n' });
  assert.deepEqual(cache.begin(35_000, 'h', 'c'), { kind: 'new' });
});

test('two hosts with the same cookie do not get each other’s replies', () => {
  const cache = new ReplyCache();
  cache.begin(0, 'one', 'c');
  cache.finish('one', 'c', 'c 0\n');
  assert.deepEqual(cache.begin(0, 'two', 'c'), { kind: 'new' });
});

test('expire forgets what is old and keeps the rest', () => {
  const cache = new ReplyCache();
  cache.begin(0, 'h', 'old');
  cache.begin(10_000, 'h', 'new');
  cache.expire(35_000);
  assert.equal(cache.size, 1);
});

test('pain 25: a flood of cookies does not grow it without bound', () => {
  const cache = new ReplyCache();
  for (let index = 0; index < 100_000; index++) {
    cache.begin(0, 'h', `cookie${index}`);
  }
  assert.equal(cache.size, 65_536);
  const long = new ReplyCache();
  for (let index = 0; index < 40_000; index++) {
    long.begin(0, 'h', `${index}${'x'.repeat(1000)}`);
    long.finish('h', `${index}${'x'.repeat(1000)}`, 'y'.repeat(1000));
  }
  assert.ok(long.size < 20_000, `${long.size} entries of 2 kB`);
});

test('a log limit lets a burst through, then one line a period, and tells how many it swallowed', () => {
  const limit = new LogLimit(2, 1000);
  assert.deepEqual([limit.allow(0), limit.allow(0), limit.allow(0), limit.allow(1)], [0, 0, undefined, undefined]);
  assert.equal(limit.allow(1001), 2);
});
