import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HangWatch, MAX_STILL_LOOKS } from '../../../src/planes/native/hang-watch.ts';

test('a thread that does not turn at so many looks is named once; one that turns never is', () => {
  const watch = new HangWatch<{ isRunning: boolean; turns: number }>();
  const [stuck, turning] = [
    { isRunning: true, turns: 5 },
    { isRunning: true, turns: 5 },
  ];
  const named: number[] = [];
  for (let look = 0; look < 3 * MAX_STILL_LOOKS; look += 1) {
    turning.turns += look % 3 === 0 ? 1 : 0;
    for (const thread of watch.look([stuck, turning])) {
      assert.equal(thread, stuck);
      named.push(look);
    }
  }
  assert.deepEqual(named, [MAX_STILL_LOOKS]);
});

test('one that has gone on, or has not begun, is given the whole time again', () => {
  const watch = new HangWatch<{ isRunning: boolean; turns: number }>();
  const thread = { isRunning: false, turns: 0 };
  const look = (times: number) => Array.from({ length: times }, () => watch.look([thread]).length);
  assert.ok(look(3 * MAX_STILL_LOOKS).every((found) => found === 0));
  thread.isRunning = true;
  assert.ok(look(MAX_STILL_LOOKS - 1).every((found) => found === 0));
  thread.turns += 1;
  assert.ok(look(MAX_STILL_LOOKS).every((found) => found === 0));
  assert.deepEqual(look(1), [1]);
});
