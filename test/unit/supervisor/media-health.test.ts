/** The checks of a relay's media, each with the result that the test decides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MediaSample } from '../../../src/supervisor/events.ts';
import { isServing, type SupervisorRules } from '../../../src/supervisor/state.ts';
import { RULES, World } from './world.ts';

const INTERVAL_MS = 15_000;

const CHECKED: SupervisorRules = { ...RULES, health: { ...RULES.health, mediaIntervalMs: INTERVAL_MS } };

const PASSED: MediaSample = {
  verdict: 'passed',
  finding: '',
  delayMs: 0.3,
  sessions: 0,
  relayedPackets: 14,
  lagMs: 1,
};

const FAILED: MediaSample = { ...PASSED, verdict: 'failed', finding: 'nothing passes', delayMs: undefined };

/** Lets the time to the next check pass, while the relay answers on its control socket. */
function untilCheck(world: World): void {
  for (let ms = 0; ms < INTERVAL_MS + 2000; ms += 1000) {
    world.advance(1000);
    for (const effect of world.effects.splice(0)) {
      if (effect.kind === 'check') {
        world.tell({ kind: 'checked', service: effect.service, outcome: 'answered', finding: '' });
      } else if (effect.kind === 'check-media') {
        return;
      }
    }
  }
  throw new Error('no check of the media was due');
}

function check(world: World, sample: MediaSample): void {
  untilCheck(world);
  world.tell({ kind: 'media-checked', ...sample });
}

function mediaOf(world: World) {
  const { condition } = world.state.relay;
  return 'health' in condition ? condition.health.media : undefined;
}

function adopted(rules: SupervisorRules): World {
  const world = new World().boot(rules);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  world.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims').take();
  return world;
}

test('media is checked every 15 s, and what is measured is kept', () => {
  const world = new World().up(CHECKED);
  const startedAt = world.now;
  for (let round = 0; round < 4; round++) {
    check(world, PASSED);
  }
  assert.ok(world.now - startedAt <= 4 * INTERVAL_MS);
  const { checks, checkedAt, delayMs, finding } = mediaOf(world) ?? {};
  assert.deepEqual([checks, checkedAt, delayMs, finding], [4, world.now, 0.3, '']);
});

// The real relay, with and without a call, is in test/e2e/launch-health.test.ts.
test('fault 67: media that does not pass is found within 50 s; without calls the relay is restarted once', () => {
  const world = new World().up(CHECKED);
  const brokenAt = world.now;
  check(world, FAILED);
  check(world, FAILED);
  assert.equal(world.condition('relay'), 'ready');
  check(world, FAILED);
  assert.ok(world.now - brokenAt < 50_000);
  assert.equal(world.condition('relay'), 'stopping');
  assert.deepEqual(world.take(), ['request-stop relay']);
  world.die('relay', 0);
  assert.deepEqual(world.take(), ['term-rest relay', 'spawn relay']);
  world.bringUp('relay');
  check(world, PASSED);
  assert.deepEqual([world.condition('relay'), world.phase], ['ready', 'running']);
});

test('fault 67: a relay that holds calls is reported, and restarted with the last of them or after 60 s', () => {
  const withCall = { ...FAILED, sessions: 1 };
  for (const last of ['ends', 'stays'] as const) {
    const world = new World().up(CHECKED);
    for (let miss = 0; miss < 3; miss++) {
      check(world, withCall);
    }
    const unhealthyAt = world.now;
    assert.deepEqual([world.condition('relay'), world.phase], ['unhealthy', 'degraded']);
    check(world, withCall);
    assert.equal(world.condition('relay'), 'unhealthy');
    check(world, last === 'ends' ? FAILED : withCall);
    assert.equal(world.condition('relay'), last === 'ends' ? 'stopping' : 'unhealthy');
    if (last === 'stays') {
      check(world, withCall);
      check(world, withCall);
      assert.equal(world.condition('relay'), 'stopping');
      assert.ok(world.now - unhealthyAt >= 60_000);
    }
  }
});

test('calls whose packets pass are not ended, whatever the check says', () => {
  const world = new World().up(CHECKED);
  for (let round = 1; round < 20; round++) {
    check(world, { ...FAILED, sessions: 1, relayedPackets: round * 1500 });
  }
  assert.equal(world.condition('relay'), 'unhealthy');
});

test('a relay that is full is reported and left to its calls; one without calls and without ports is restarted', () => {
  const refused: MediaSample = { ...FAILED, verdict: 'refused', finding: 'E72', sessions: 12 };
  const world = new World().up(CHECKED);
  for (let round = 0; round < 20; round++) {
    check(world, refused);
  }
  assert.equal(world.condition('relay'), 'unhealthy');
  check(world, { ...refused, sessions: 0 });
  assert.equal(world.condition('relay'), 'stopping');
});

test('a relay that does not count its sessions may hold some', () => {
  const world = new World().up(CHECKED);
  for (let miss = 0; miss < 4; miss++) {
    check(world, { ...FAILED, sessions: undefined, relayedPackets: undefined });
  }
  assert.equal(world.condition('relay'), 'unhealthy');
});

test('one check that passes makes it well; a good answer of the control socket alone does not', () => {
  const world = new World().up(CHECKED);
  for (let miss = 0; miss < 3; miss++) {
    check(world, { ...FAILED, sessions: 1 });
  }
  world.advance(2000);
  world.tell({ kind: 'checked', service: 'relay', outcome: 'answered', finding: '' });
  assert.equal(world.condition('relay'), 'unhealthy');
  check(world, PASSED);
  assert.deepEqual([world.condition('relay'), world.phase], ['ready', 'running']);
  assert.ok(world.reports.includes('comp.recovered'));
});

test('three restarts in 30 minutes, then reports only', () => {
  const world = new World().up(CHECKED);
  let restarts = 0;
  for (let round = 0; round < 40; round++) {
    check(world, FAILED);
    if (world.condition('relay') === 'stopping') {
      restarts += 1;
      world.die('relay', 0).bringUp('relay');
    }
  }
  assert.equal(restarts, 3);
  assert.equal(world.condition('relay'), 'unhealthy');
  assert.equal(world.reports.filter((event) => event === 'comp.health-budget').length, 1);
});

test('what the control socket does not answer is a question of its own, and no check is begun meanwhile', () => {
  const world = new World().up(CHECKED);
  untilCheck(world);
  world.advance(2000).tell({ kind: 'checked', service: 'relay', outcome: 'silent', finding: '' });
  world.tell({ kind: 'media-checked', ...FAILED, verdict: 'unanswered' });
  assert.equal(mediaOf(world)?.misses, 0);
  world.take();
  for (let second = 0; second < 40; second += 2) {
    world.advance(2000).tell({ kind: 'checked', service: 'relay', outcome: 'silent', finding: '' });
  }
  assert.equal(world.take().includes('check-media'), false);
  world.advance(2000).tell({ kind: 'checked', service: 'relay', outcome: 'answered', finding: '' });
  assert.ok(world.take().includes('check-media'), 'overdue, it follows the first answer');
});

test('fault 71: a check during which our own loop was late by more than 250 ms is void, and so are those before', () => {
  const world = new World().up(CHECKED);
  check(world, FAILED);
  check(world, FAILED);
  check(world, { ...FAILED, lagMs: 3000 });
  assert.equal(world.condition('relay'), 'ready');
  assert.equal(mediaOf(world)?.misses, 0);
  check(world, FAILED);
  check(world, FAILED);
  assert.equal(world.condition('relay'), 'ready');
  check(world, { ...FAILED, lagMs: 250 });
  assert.equal(world.condition('relay'), 'stopping');
});

test('a relay that drains is asked for no session', () => {
  const world = new World().up(CHECKED);
  world.post({ kind: 'drain-asked', limitMs: 600_000 }).take();
  world.advance(60_000);
  assert.equal(world.take().includes('check-media'), false);
});

test('the media of a found relay is checked only when that was asked for, and it is never restarted', () => {
  const unasked = adopted(CHECKED);
  unasked.advance(60_000);
  assert.equal(unasked.take().includes('check-media'), false);

  const asked = adopted({ ...CHECKED, health: { ...CHECKED.health, mediaOfFound: true } });
  for (let miss = 0; miss < 10; miss++) {
    check(asked, FAILED);
  }
  assert.deepEqual([asked.condition('relay'), asked.phase], ['adopted', 'degraded']);
  assert.equal(isServing(asked.state.relay), false);
  check(asked, PASSED);
  assert.equal(asked.phase, 'running');
});

test('a late result of an earlier relay is dropped', () => {
  const world = new World().up(CHECKED);
  untilCheck(world);
  const { generation } = world.state.relay;
  world.die('relay').advance(1000).bringUp('relay');
  world.post({ kind: 'media-checked', generation, ...FAILED });
  assert.deepEqual([mediaOf(world)?.checks, mediaOf(world)?.asking], [0, false]);
});

test('a found relay that grants no session is used, but all is degraded until a check passes; then it is left in peace', () => {
  const world = new World().boot(CHECKED);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  for (let attempt = 0; attempt < 3; attempt++) {
    world.advance(300).tell({ kind: 'media-proved', ok: false, finding: 'E72', callsFail: true });
  }
  world.bringUp('ims');
  assert.equal(world.phase, 'degraded');
  assert.equal(mediaOf(world)?.finding, 'E72');
  check(world, { ...FAILED, verdict: 'refused', finding: 'E72 again' });
  assert.equal(world.phase, 'degraded');
  check(world, PASSED);
  assert.equal(world.phase, 'running');
  assert.throws(() => untilCheck(world), /no check of the media was due/);
  assert.deepEqual(
    world.reports.filter((event) => event === 'relay.media' || event === 'comp.recovered'),
    ['relay.media', 'comp.recovered'],
  );
});

test('a found relay that could not serve is not taken for well because we slept; only a check that passes says so', () => {
  const world = new World().boot(CHECKED);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  for (let proof = 0; proof < 3; proof++) {
    world.advance(250).tell({ kind: 'media-proved', ok: false, finding: 'E72', callsFail: true });
  }
  world.bringUp('ims').take();
  assert.equal(world.phase, 'degraded');
  world.post({ kind: 'late', lateMs: 60_000 });
  assert.equal(world.phase, 'degraded');
  check(world, PASSED);
  assert.equal(world.phase, 'running');
  world.advance(60_000);
  assert.equal(world.take().includes('check-media'), false, 'it is not watched any longer');
});
