/** The control port, held by the supervisor for every relay that it starts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULES, World } from './world.ts';

/** A system that found nobody on the port; the claim is the test's to answer. */
function claiming(): World {
  const world = new World();
  world.claim = undefined;
  world.boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).take();
  return world;
}

function takenBy(world: World, owner: string): void {
  world.tell({ kind: 'control-claimed', outcome: 'taken', detail: owner });
}

test('a port that is held is neither probed nor claimed again, however often the relay dies', () => {
  const world = new World().up();
  for (let death = 0; death < 8; death++) {
    world.advance(61_000).take();
    world.die('relay', undefined, 'SIGKILL');
    assert.deepEqual(world.take(), ['kill-group relay', 'spawn relay']);
    world.bringUp('relay');
    assert.equal(world.condition('relay'), 'ready');
  }
});

test('on a port that is held an answer to V needs no owner: nobody else can give it', () => {
  for (const [claim, ownOnly] of [
    ['held', false],
    ['unavailable', true],
  ] as const) {
    const world = new World();
    world.claim = claim;
    world.boot();
    world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
    world.tell({ kind: 'reported-ready', service: 'relay' });
    const check = world.effects.find((effect) => effect.kind === 'check');
    assert.equal(check?.ownOnly, ownOnly, claim);
  }
});

test('fault 11: a rival binds the port between probe and claim: asked again, and adopted; no try is counted', () => {
  const world = claiming();
  takenBy(world, 'process 7 (rtpproxy)');
  world.advance(100);
  assert.deepEqual(world.take(), ['probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: 'rtpproxy' } });
  assert.deepEqual(world.take(), ['prove-media']);
  assert.equal(world.condition('relay'), 'adopted');
  assert.equal(world.state.relay.history.failures, 0);
  assert.ok(world.reports.includes('relay.taken'));
});

test('a rival that goes again: the port is claimed at the next try', () => {
  const world = claiming();
  takenBy(world, 'process 7 (rtpproxy)');
  world.advance(100);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).take();
  world.tell({ kind: 'control-claimed', outcome: 'held', detail: '' });
  assert.deepEqual(world.take(), ['spawn relay']);
});

test('a holder that refuses questions and lets nobody bind is asked for 5 s, then the start ends with 69', () => {
  const world = claiming();
  for (let elapsed = 0; elapsed <= 5000; elapsed += 100) {
    takenBy(world, 'process 8 (x)');
    world.advance(100);
    world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  }
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 69);
  assert.equal(world.exit()?.failure?.code, 'IMS_ERR_RELAY_SILENT');
  assert.match(world.exit()?.failure?.message ?? '', /process 8 \(x\)/);
  assert.equal(world.reports.filter((event) => event === 'relay.taken').length, 1);
});

test('a found relay that returns while it is being replaced is adopted again', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  world.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims');
  world.claim = 'taken';
  world.advance(2000);
  world.tell({ kind: 'checked', service: 'relay', outcome: 'refused', finding: '' });
  world.advance(1000);
  world.tell({ kind: 'checked', service: 'relay', outcome: 'refused', finding: '' });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).take();
  world.advance(100);
  assert.deepEqual(world.take(), ['probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  world.tell({ kind: 'media-proved', ok: true, finding: '' });
  assert.equal(world.phase, 'running');
});

test('a foreign relay binds its port itself, and so does ours where there is no claim', () => {
  const foreign = new World();
  foreign.claim = undefined;
  foreign.boot({ ...RULES, relay: { ...RULES.relay, embedded: false } }).take();
  foreign.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  assert.deepEqual(foreign.take(), ['spawn relay']);

  const world = claiming();
  world.tell({ kind: 'control-claimed', outcome: 'unavailable', detail: 'no system calls from here' });
  assert.deepEqual(world.take(), ['spawn relay']);
});

test('a relay that is given up lets the port go: commands are refused again, and the next start asks who has it', () => {
  const world = new World().boot({ ...RULES, giveUp: 'park' });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  for (let attempt = 0; attempt < 3; attempt++) {
    world.die('relay', 1).advance(1000);
  }
  assert.equal(world.condition('relay'), 'failed');
  assert.equal(world.take().filter((effect) => effect === 'release-control').length, 1);
  world.post({ kind: 'restart-asked', service: 'relay' });
  assert.deepEqual(world.take(), ['probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  assert.deepEqual(world.take(), ['spawn relay']);
  assert.equal(world.state.controlHeld, true);
});

test('a stop while the port is being claimed: nothing is started on it', () => {
  const world = claiming();
  world.post({ kind: 'signal', signal: 'SIGTERM', reason: 'SIGTERM' }).take();
  world.tell({ kind: 'control-claimed', outcome: 'held', detail: '' });
  assert.deepEqual(world.take(), []);
});
