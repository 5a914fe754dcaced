/** Several devices of one user: rung together, or one after the other by their q (RFC 3261 16.6, 16.7). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Phone } from './phone.ts';
import { AFTERWARDS, play, type Scene, scene } from './scene.ts';

/** Statuses of the phones' own INVITEs; undefined: it never rang. */
function outcomes(callees: readonly Phone[]): (number | undefined)[] {
  return callees.map(({ status }) => status);
}

function rang({ requests }: Phone): boolean {
  return requests.some(({ method }) => method === 'INVITE');
}

function assertNothingLeft({ node, callees }: Scene, context = ''): void {
  for (const [what, count] of Object.entries(node.leftovers())) {
    assert.equal(count, 0, `${context} ${what} left`);
  }
  const states = callees.map(({ state }) => state);
  assert.ok(
    states.every((state) => state === 'over' || state === 'idle'),
    `${context} phones are ${states}`,
  );
}

test('devices with a lower q do not ring while one with a higher q may answer, and never when it has', () => {
  const played = play({
    caller: { hangUpAfterMs: 60_000 },
    callees: [{ q: 0.2, answerAfterMs: 1000 }, { answerAfterMs: 15_000 }],
  });
  assert.equal(played.caller.status, 200);
  assert.deepEqual(outcomes(played.callees), [undefined, 200]);
  assert.equal(rang(played.callees[0] as Phone), false);
  assertNothingLeft(played);
});

test('all of one q have refused: those with the next lower one ring at once', () => {
  const { world, node, caller, callees } = scene({
    callees: [
      { q: 0.8, answerAfterMs: 1000, refuseWith: 486 },
      { q: 0.8, answerAfterMs: 2000, refuseWith: 480 },
      { q: 0.3, answerAfterMs: 1000 },
      { q: 0.3 },
    ],
  });
  caller.call('1002');
  world.run(1500);
  assert.deepEqual(callees.map(rang), [true, true, false, false]);
  world.run(2500);
  assert.deepEqual(callees.map(rang), [true, true, true, true]);
  world.run(4000);
  assert.equal(caller.state, 'up');
  assert.deepEqual(outcomes(callees), [486, 480, 200, 487]);
  assert.equal(node.server.b2bua.callCount, 1);
});

test('one that does not answer is cancelled when its turn is over, and the next one rings', () => {
  const { world, caller, callees } = scene({ callees: [{ q: 0.9 }, { q: 0.1, answerAfterMs: 5000 }] });
  caller.call('1002');
  world.run(19_000);
  assert.deepEqual(callees.map(rang), [true, false]);
  world.run(21_000);
  assert.deepEqual(callees.map(rang), [true, true]);
  assert.deepEqual(outcomes(callees), [487, undefined]);
  world.run(27_000);
  assert.equal(caller.status, 200);
});

test('the last ones ring until Timer C, which counts from the INVITE', () => {
  const played = play({ ringTimeoutMs: 50_000, callees: [{ q: 0.9 }, { q: 0.5 }, { q: 0.1 }] });
  assert.equal(played.caller.status, 408);
  assert.deepEqual(outcomes(played.callees), [487, 487, 487]);
  const [record] = played.node.ended;
  assert.ok((record?.endedAt ?? 0) >= 50_000 && (record?.endedAt ?? 0) < 51_000, `${record?.endedAt}`);
  assertNothingLeft(played);
});

test('Timer C before the turn of the last: it never rings', () => {
  const played = play({ ringTimeoutMs: 30_000, callees: [{ q: 0.9 }, { q: 0.5 }, { q: 0.1 }] });
  assert.equal(played.caller.status, 408);
  assert.deepEqual(played.callees.map(rang), [true, true, false]);
  assertNothingLeft(played);
});

test('a 6xx speaks for the user: nobody with a lower q rings (RFC 3261 16.7 step 5)', () => {
  const played = play({
    callees: [
      { answerAfterMs: 1000, refuseWith: 603 },
      { q: 0.5, answerAfterMs: 1000 },
    ],
  });
  assert.equal(played.caller.status, 603);
  assert.deepEqual(played.callees.map(rang), [true, false]);
  assertNothingLeft(played);
});

test('all fail: the best response of all of them, whenever it came (RFC 3261 16.7 step 6)', () => {
  const played = play({
    callees: [
      { q: 0.9, answerAfterMs: 1000, refuseWith: 486 },
      { q: 0.5, answerAfterMs: 1000, refuseWith: 503 },
      { q: 0.1, diesAfterMs: 0 },
    ],
  });
  assert.equal(played.caller.status, 486);
  assert.equal(played.node.ended[0]?.endedBy, 'callee');
  assertNothingLeft(played);
});

test('one that cannot be reached costs its turn, not the call', () => {
  const played = play({
    caller: { hangUpAfterMs: 10_000 },
    callees: [{ diesAfterMs: 0 }, { q: 0.5, answerAfterMs: 1000 }],
  });
  assert.equal(played.caller.status, 200);
  assertNothingLeft(played);
});

test('the caller gives up during the first turn: nobody rings after it', () => {
  const played = play({ caller: { cancelAfterMs: 5000 }, callees: [{}, { q: 0.5, answerAfterMs: 1000 }] });
  assert.equal(played.caller.status, 487);
  assert.deepEqual(played.callees.map(rang), [true, false]);
  assertNothingLeft(played);
});

test('an answer and the end of its turn cross: one conversation, nothing left, at 0 to 30 % loss', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { world, node, caller, callees } = scene({
      seed,
      loss: (seed % 4) / 10,
      caller: { hangUpAfterMs: 60_000 },
      callees: [{ answerAfterMs: 19_960 + seed * 2 }, { q: 0.5, answerAfterMs: 5000 }],
    });
    caller.call('1002');
    world.run(AFTERWARDS);
    const context = `seed ${seed}:`;
    assert.equal(node.ended.length, 1, context);
    assert.equal(caller.status, 200, context);
    assertNothingLeft({ world, node, caller, callees }, context);
  }
});
