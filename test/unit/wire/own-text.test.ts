import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownText } from '../../../src/wire/own-text.ts';

test('it is the same text, whatever is in it', () => {
  for (const text of ['', ' ', 'a', ' a b ', 'z9hG4bK-über-\u0000-\u{1f4de}', 'x'.repeat(100_000)]) {
    assert.equal(ownText(text), text);
  }
});

test('what is kept of 2000 long texts is what was cut out of them', () => {
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 2000 }, (_, index) => {
    const long = Buffer.alloc(50_000, 0x61 + (index % 26)).toString('latin1');
    return ownText(long.slice(100, 140));
  });
  const grownMib = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  assert.equal(kept.length, 2000);
  // All of them would be 95 MiB, and would have been collected by now if they could be.
  assert.ok(grownMib < 60, `${grownMib.toFixed(1)} MiB`);
});
