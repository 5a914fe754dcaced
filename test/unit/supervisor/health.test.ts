import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SupervisorRules } from '../../../src/supervisor/state.ts';
import { RULES, World } from './world.ts';

type Outcome = 'answered' | 'refused' | 'silent';

/** The next health question of the relay, when it is due, and its answer. */
function answerRelay(world: World, outcome: Outcome): void {
  world.advance(2000);
  world.tell({ kind: 'checked', service: 'relay', outcome, finding: '' });
}

function answerIms(world: World, outcome: Outcome): void {
  for (let second = 0; second < 10; second += 2) {
    answerRelay(world, 'answered');
  }
  world.tell({ kind: 'checked', service: 'ims', outcome, finding: '' });
}

function healthOf(world: World, service: 'relay' | 'ims') {
  const { condition } = world.state[service];
  return 'health' in condition ? condition.health : undefined;
}

function withHealth(health: Partial<SupervisorRules['health']>): SupervisorRules {
  return { ...RULES, health: { ...RULES.health, ...health } };
}

/** A new relay comes up in place of one that was stopped. */
function replaceRelay(world: World): void {
  world.die('relay', undefined, 'SIGKILL').bringUp('relay');
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

test('the relay is asked every 2 s and the IMS every 10 s, however long an answer takes', () => {
  const world = new World().up();
  const asked = { relay: 0, ims: 0 };
  for (let ms = 0; ms < 60_000; ms += 100) {
    world.advance(100);
    for (const effect of world.effects.splice(0)) {
      if (effect.kind === 'check') {
        asked[effect.service] += 1;
        // 0.9 s later, virtually: the answer of a busy program.
        world.advance(900);
        ms += 900;
        world.tell({ kind: 'checked', service: effect.service, outcome: 'answered', finding: '' });
      }
    }
  }
  assert.ok(asked.relay >= 26 && asked.relay <= 31, `${asked.relay} questions to the relay in a minute`);
  assert.ok(asked.ims >= 5 && asked.ims <= 6, `${asked.ims} questions to the IMS in a minute`);
  assert.equal(healthOf(world, 'relay')?.latencyMs, 900);
});

test('a relay that is silent but still beats is only reported', () => {
  const world = new World().up();
  for (let miss = 0; miss < 20; miss++) {
    answerRelay(world, 'silent');
  }
  assert.equal(world.condition('relay'), 'unhealthy');
});

// Virtual time, because the row is about 5 s of a question that comes every 2 s: which of them are missed is chance.
test('fault 65: a relay that stands still for 5 s is unhealthy at most, and not restarted', () => {
  const world = new World().up();
  world.mute.add('relay');
  for (let miss = 0; miss < 3; miss++) {
    answerRelay(world, 'silent');
  }
  assert.equal(world.condition('relay'), 'unhealthy');
  world.mute.clear();
  answerRelay(world, 'answered');
  assert.equal(world.condition('relay'), 'ready');
  assert.deepEqual(
    world.reports.filter((event) => ['comp.unhealthy', 'comp.recovered', 'comp.hung'].includes(event)),
    ['comp.unhealthy', 'comp.recovered'],
  );
});

test('a relay that hangs for 10 s is restarted, at most three times in 30 minutes; that this was it is said once', () => {
  const world = new World().up();
  world.mute.add('relay');
  let restarts = 0;
  for (let miss = 0; miss < 100; miss++) {
    answerRelay(world, 'silent');
    if (world.condition('relay') === 'stopping') {
      restarts += 1;
      replaceRelay(world);
    }
  }
  assert.equal(restarts, 3);
  assert.equal(world.condition('relay'), 'unhealthy');
  assert.equal(world.reports.filter((event) => event === 'comp.health-budget').length, 1);
  for (let miss = 0; miss < 900 && world.condition('relay') !== 'stopping'; miss++) {
    answerRelay(world, 'silent');
  }
  assert.equal(world.condition('relay'), 'stopping', 'half an hour later it is tried again');
});

test('one of ours without a heartbeat for 15 s hangs, though it answers: looked at, TERM, KILL after a second', () => {
  const world = new World().up();
  world.mute.add('ims');
  answerIms(world, 'answered');
  world.take();
  answerRelay(world, 'answered');
  answerRelay(world, 'answered');
  world.advance(1000);
  assert.deepEqual(
    world.take().filter((effect) => effect.endsWith(' ims')),
    ['inspect ims', 'request-stop ims', 'term-rest ims'],
  );
  world.advance(1000);
  assert.ok(world.take().includes('kill-group ims'));
  world.die('ims', undefined, 'SIGKILL');
  assert.deepEqual(world.take(), ['spawn ims']);
  assert.equal(world.state.ims.history.failures, 0, 'it counts against the budget of bad health alone');
});

test('a foreign command sends no heartbeat, and is not missed', () => {
  const world = new World().up({ ...RULES, ims: { ...RULES.ims, embedded: false } });
  world.mute.add('ims');
  for (let round = 0; round < 10; round++) {
    answerIms(world, 'answered');
  }
  assert.equal(world.condition('ims'), 'ready');
});

test('an IMS that does not answer is reported, never restarted', () => {
  const world = new World().up();
  for (let miss = 0; miss < 10; miss++) {
    answerIms(world, 'silent');
  }
  assert.equal(world.condition('ims'), 'unhealthy');
  answerIms(world, 'answered');
  assert.deepEqual([world.condition('ims'), world.phase], ['ready', 'running']);
});

// The real IMS, and what a process id says about it, is in test/e2e/launch-health.test.ts.
test('fault 73: an IMS that is to be restarted gets 30 s from its first miss', () => {
  const world = new World().up(withHealth({ restartsIms: true }));
  for (let miss = 0; miss < 3; miss++) {
    answerIms(world, 'silent');
    assert.notEqual(world.condition('ims'), 'stopping');
  }
  assert.equal(world.condition('ims'), 'unhealthy');
  answerIms(world, 'silent');
  assert.equal(world.condition('ims'), 'stopping');
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

// The real supervisor stands still for 12 s in test/e2e/launch-health.test.ts; here it is the row's 30 s.
test('fault 70: the supervisor stands still for 30 s: misses and missing heartbeats are void', () => {
  const world = new World().up();
  answerRelay(world, 'silent');
  answerRelay(world, 'silent');
  world.take();
  world.now += 30_000;
  world.post({ kind: 'late', lateMs: 30_000 });
  world.post({ kind: 'timeout' });
  assert.deepEqual(world.take().sort(), ['check ims', 'check relay'], 'it only asks again');
  assert.deepEqual([world.condition('relay'), world.condition('ims')], ['ready', 'ready']);
  assert.equal(healthOf(world, 'relay')?.misses, 0);
  assert.ok(world.reports.includes('launch.slept'));
  world.mute.add('ims');
  world.advance(14_000);
  assert.equal(world.condition('ims'), 'ready', 'the heartbeats begin anew');
});

test('the time that we slept is not taken from a program that starts', () => {
  const world = new World().boot();
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  world.tell({ kind: 'spawned', service: 'relay', pid: 7 });
  world.now += 30_000;
  world.post({ kind: 'late', lateMs: 30_000 });
  world.post({ kind: 'timeout' });
  assert.equal(world.condition('relay'), 'starting');
  world.advance(10_000);
  assert.equal(world.condition('relay'), 'stopping', 'its own 10 s are over');
});

test('a loop that is late by less than two intervals changes nothing', () => {
  const world = new World().up();
  answerRelay(world, 'silent');
  world.post({ kind: 'late', lateMs: 3000 });
  assert.equal(healthOf(world, 'relay')?.misses, 1);
  assert.equal(world.reports.includes('launch.slept'), false);
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
    // Asked every second: its end is noticed only by asking.
    world.advance(1000).tell({ kind: 'checked', service: 'relay', outcome: 'silent', finding: '' });
  }
  assert.deepEqual([world.condition('relay'), world.phase], ['adopted', 'degraded']);
  assert.deepEqual([...new Set(world.take())].sort(), ['check ims', 'check relay']);
  answerRelay(world, 'answered');
  assert.equal(world.phase, 'running');
});
