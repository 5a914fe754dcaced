/** A phone with several flows to us rings once, on the one that works (RFC 5626 5.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Phone, type PhoneScript } from './phone.ts';
import { AFTERWARDS, type Scene, scene } from './scene.ts';

const DEVICE = '"<urn:uuid:1>"';

/** One device with a flow for each script, the last one registered last. */
function withFlows(flows: readonly PhoneScript[], q?: number): Scene {
  const { world, node, caller } = scene({ callees: [], caller: { hangUpAfterMs: 10_000 } });
  const callees = flows.map((script, index) => new Phone(world, `10.0.0.${21 + index}`, script));
  for (const [index, { at }] of callees.entries()) {
    node.register('1002', at, q, `${DEVICE};${index + 1}`);
  }
  return { world, node, caller, callees };
}

function run({ world, caller, node }: Scene): void {
  caller.call('1002');
  world.run(AFTERWARDS);
  for (const [what, count] of Object.entries(node.leftovers())) {
    assert.equal(count, 0, `${what} left`);
  }
}

const rang = ({ requests }: Phone): boolean => requests.length > 0;

test('the flow that was registered last rings, the other one does not', () => {
  const played = withFlows([{ answerAfterMs: 1000 }, { answerAfterMs: 2000 }]);
  run(played);
  assert.equal(played.caller.status, 200);
  assert.deepEqual(played.callees.map(rang), [false, true]);
});

test('430, or no answer at all: the next flow of the device', () => {
  const refused = withFlows([{ answerAfterMs: 1000 }, { answerAfterMs: 100, refuseWith: 430 }]);
  run(refused);
  assert.equal(refused.caller.status, 200);
  assert.deepEqual(refused.callees.map(rang), [true, true]);

  const dead = withFlows([{ answerAfterMs: 1000 }, { diesAfterMs: 0 }]);
  run(dead);
  assert.equal(dead.caller.status, 200);
});

test('the device is busy: it is on each of its flows', () => {
  const played = withFlows([{ answerAfterMs: 1000 }, { answerAfterMs: 100, refuseWith: 486 }]);
  run(played);
  assert.equal(played.caller.status, 486);
  assert.deepEqual(played.callees.map(rang), [false, true]);
});

test('all flows have failed: the caller is told 480, since 430 would be about its own', () => {
  const played = withFlows([
    { answerAfterMs: 100, refuseWith: 430 },
    { answerAfterMs: 100, refuseWith: 430 },
  ]);
  run(played);
  assert.equal(played.caller.status, 480);
  assert.equal(played.node.ended.length, 1);
});
