import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world.ts';

/** Answers the next health question of the relay, when it is due. */
function answerRelay(world: World, outcome: 'answered' | 'refused' | 'silent'): void {
  world.advance(2000);
  world.tell({ kind: 'checked', service: 'relay', outcome, finding: '' });
}

test('three misses make the relay unhealthy, one answer makes it well', () => {
  const world = new World().up();
  answerRelay(world, 'silent');
  answerRelay(world, 'silent');
  assert.equal(world.condition('relay'), 'ready');
  answerRelay(world, 'silent');
  assert.deepEqual([world.condition('relay'), world.phase], ['unhealthy', 'degraded']);
  answerRelay(world, 'answered');
  assert.deepEqual([world.condition('relay'), world.phase], ['ready', 'running']);
});

test('a relay that is silent but still beats is only reported', () => {
  const world = new World().up();
  for (let miss = 0; miss < 20; miss++) {
    world.tell({ kind: 'heartbeat', service: 'relay' });
    answerRelay(world, 'silent');
  }
  assert.equal(world.condition('relay'), 'unhealthy');
});

test('a relay that hangs for 10 s is restarted, at most three times in 30 minutes', () => {
  const world = new World().up();
  let restarts = 0;
  for (let miss = 0; miss < 100; miss++) {
    answerRelay(world, 'silent');
    if (world.condition('relay') === 'stopping') {
      restarts += 1;
      world.die('relay', undefined, 'SIGKILL');
      world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).bringUp('relay');
    }
  }
  assert.equal(restarts, 3);
  assert.equal(world.condition('relay'), 'unhealthy');
});

test('an IMS that does not answer is reported, never restarted', () => {
  const world = new World().up();
  for (let miss = 0; miss < 10; miss++) {
    answerRelay(world, 'answered');
    world.advance(8000);
    world.tell({ kind: 'checked', service: 'relay', outcome: 'answered', finding: '' });
    world.tell({ kind: 'checked', service: 'ims', outcome: 'silent', finding: '' });
  }
  assert.equal(world.condition('ims'), 'unhealthy');
});

test('a sample that came late because we slept is void', () => {
  const world = new World().up();
  for (let miss = 0; miss < 5; miss++) {
    world.advance(2000);
    world.now += 5000;
    world.tell({ kind: 'checked', service: 'relay', outcome: 'silent', finding: '' });
  }
  assert.equal(world.condition('relay'), 'ready');
});

test('a found relay is lost with the second refusal, a second after the first, and taken over', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  world.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims');
  answerRelay(world, 'refused');
  assert.equal(world.condition('relay'), 'adopted');
  world.take();
  world.advance(1000);
  world.tell({ kind: 'checked', service: 'relay', outcome: 'refused', finding: '' });
  assert.deepEqual(world.take(), ['check relay', 'probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  assert.deepEqual(world.take(), ['spawn relay']);
  assert.equal(world.phase, 'degraded');
});

test('a found relay that is silent is reported and kept: it is not ours to restart', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  world.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims').take();
  for (let miss = 0; miss < 20; miss++) {
    answerRelay(world, 'silent');
  }
  assert.deepEqual([world.condition('relay'), world.phase], ['adopted', 'degraded']);
  assert.deepEqual([...new Set(world.take())].sort(), ['check ims', 'check relay']);
  answerRelay(world, 'answered');
  assert.equal(world.phase, 'running');
});
