import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as later } from 'node:timers/promises';
import { LoopLag } from '../../../src/io/loop-lag.ts';

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('a blocked loop shows once, also when it blocks at once and when it has not gone on yet', async (t) => {
  const lag = new LoopLag();
  t.after(() => lag.close());
  block(300);
  assert.ok(lag.take() >= 200);
  block(300);
  await later(1);
  assert.ok(lag.take() >= 200);
  assert.ok(lag.take() < 200);
});
