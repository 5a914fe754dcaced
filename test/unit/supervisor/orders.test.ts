import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextTimeoutAt } from '../../../src/supervisor/reducer.ts';
import { RULES, World } from './world.ts';

const FOREIGN_IMS = { ...RULES, ims: { ...RULES.ims, embedded: false } };

test('a restart that is asked for counts as no failure and waits for nothing', () => {
  const world = new World().up();
  for (let round = 0; round < 30; round++) {
    world.advance(3000);
    world.tell({ kind: 'checked', service: 'relay', outcome: 'answered', finding: '' }).take();
    world.post({ kind: 'restart-asked', service: 'ims' });
    assert.deepEqual(world.take(), ['request-stop ims']);
    world.die('ims', 0);
    assert.deepEqual(world.take(), ['term-rest ims', 'spawn ims']);
    world.bringUp('ims').take();
  }
  assert.equal(world.phase, 'running');
  assert.equal(world.state.ims.history.failures, 0);
  assert.deepEqual(world.state.ims.history.restartedAt, []);
});

test('fault 32: twenty restarts asked for at once are one', () => {
  const world = new World().up();
  for (let asker = 0; asker < 10; asker++) {
    world.post({ kind: 'restart-asked', service: 'ims' });
  }
  assert.deepEqual(world.take(), ['request-stop ims']);
  world.die('ims', 0).take();
  for (let asker = 0; asker < 10; asker++) {
    world.post({ kind: 'restart-asked', service: 'ims' });
  }
  assert.deepEqual(world.take(), []);
  world.bringUp('ims');
  assert.equal(world.phase, 'running');
  assert.equal(world.reports.filter((event) => event === 'restart.asked').length, 1);
});

test('a restart of the relay, and the IMS is told', () => {
  const world = new World().up();
  world.post({ kind: 'restart-asked', service: 'relay' });
  assert.equal(world.condition('ims'), 'ready');
  world.die('relay', 0);
  assert.deepEqual(world.take(), ['request-stop relay', 'term-rest relay', 'spawn relay']);
  world.bringUp('relay');
  assert.equal(world.phase, 'running');
  assert.ok(world.take().includes('tell-relay-up'));
});

test('a restart ends a backoff', () => {
  const world = new World().up();
  world.die('ims', 1).take();
  assert.equal(world.condition('ims'), 'backoff');
  world.post({ kind: 'restart-asked', service: 'ims' });
  assert.deepEqual(world.take(), ['spawn ims']);
  assert.equal(world.state.ims.history.failures, 1);
});

test('a start that takes long can be restarted', () => {
  const world = new World().boot();
  world
    .tell({ kind: 'relay-probed', verdict: { kind: 'absent' } })
    .bringUp('relay')
    .take();
  world.advance(2500).tell({ kind: 'checked', service: 'relay', outcome: 'answered', finding: '' }).take();
  world.post({ kind: 'restart-asked', service: 'ims' });
  assert.deepEqual(world.take(), ['request-stop ims']);
});

test('a restart asked for while a late start is stopped turns that failure into what was asked for', () => {
  const world = new World().boot({ ...RULES, ims: { ...RULES.ims, startTimeoutMs: 1000 } });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).bringUp('relay');
  world.advance(1200).take();
  assert.equal(world.condition('ims'), 'stopping');
  world.post({ kind: 'restart-asked', service: 'ims' }).die('ims', 0);
  assert.ok(world.take().includes('spawn ims'));
  assert.equal(world.state.ims.history.failures, 0);
});

test('a relay that was found is not restarted, and nothing is once everything stops', () => {
  const found = new World().boot();
  found.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  found.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims').take();
  found.post({ kind: 'restart-asked', service: 'relay' });
  assert.deepEqual(found.take(), []);
  const stopping = new World().up().post({ kind: 'stop-asked', reason: 'asked' });
  stopping.take();
  stopping.post({ kind: 'restart-asked', service: 'ims' }).die('ims', 0);
  assert.equal(stopping.take().includes('spawn ims'), false);
});

test('a stop that is asked for again stays a stop; a kill kills; both end with 0', () => {
  const world = new World().up();
  world.post({ kind: 'stop-asked', reason: 'asked' });
  world.now += 1000;
  world.post({ kind: 'stop-asked', reason: 'asked' });
  assert.deepEqual(world.take(), ['request-stop ims']);
  world.post({ kind: 'kill-asked', reason: 'asked' });
  assert.deepEqual(world.take(), ['kill-everything', 'exit 0']);
  assert.equal(world.phase, 'done');
});

test('a kill needs no stop before it', () => {
  const world = new World().up().post({ kind: 'kill-asked', reason: 'asked' });
  assert.deepEqual(world.take().slice(-2), ['kill-everything', 'exit 0']);
});

test('drain: the IMS is told, ends after its last call, and the rest follows with 0', () => {
  const world = new World().up().post({ kind: 'drain-asked', limitMs: 600_000 });
  world.post({ kind: 'drain-asked', limitMs: 1 });
  assert.deepEqual(world.take(), ['drain ims']);
  assert.equal(world.phase, 'running');
  world.post({ kind: 'restart-asked', service: 'ims' });
  assert.deepEqual(world.take(), []);
  world.die('ims', 0);
  assert.deepEqual(world.take(), ['kill-group ims', 'request-stop relay']);
  world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.take().at(-1), 'exit 0');
});

test('drain: when its time is over, everything stops', () => {
  const world = new World().up().post({ kind: 'drain-asked', limitMs: 1500 });
  world.take();
  assert.equal(nextTimeoutAt(world.state), world.now + 1500);
  world.advance(1500);
  assert.deepEqual(world.take(), ['request-stop ims']);
  assert.ok(world.reports.includes('drain.late'));
});

test('drain with a foreign IMS: the relay refuses new sessions, and its end is the end', () => {
  const world = new World().up(FOREIGN_IMS);
  world.tell({ kind: 'checked', service: 'ims', outcome: 'answered', finding: '' });
  assert.equal(world.phase, 'running');
  world.take();
  world.post({ kind: 'drain-asked', limitMs: 600_000 });
  assert.deepEqual(world.take(), ['drain relay']);
  world.die('relay', 0);
  assert.deepEqual(world.take(), ['request-stop ims']);
});

test('drain without an IMS that serves stops at once', () => {
  const world = new World().up();
  world.die('ims', 1).take();
  world.post({ kind: 'drain-asked', limitMs: 600_000 });
  assert.deepEqual([world.phase, ...world.take()], ['stopping', 'request-stop relay']);
});
