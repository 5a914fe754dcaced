import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world.ts';

const TERM = { kind: 'signal', signal: 'SIGTERM', reason: 'SIGTERM' } as const;
const INT = { kind: 'signal', signal: 'SIGINT', reason: 'SIGINT' } as const;

test('the IMS stops first, then the relay, then strays are looked for twice', () => {
  const world = new World().up();
  world.post(TERM);
  assert.deepEqual([world.phase, ...world.take()], ['stopping', 'request-stop ims']);
  world.die('ims', 0);
  assert.deepEqual(world.take(), ['term-rest ims', 'request-stop relay']);
  world.die('relay', 0);
  assert.deepEqual(world.take(), ['term-rest relay', 'sweep']);
  world.post({ kind: 'swept', found: 0 });
  assert.deepEqual(world.take(), ['sweep']);
  world.post({ kind: 'swept', found: 0 });
  assert.deepEqual([world.phase, ...world.take()], ['done', 'exit 0']);
  assert.equal(world.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('a stubborn IMS: TERM to the rest at 70 % of its slice, KILL at 90 %; the relay keeps its own slice', () => {
  const world = new World().up();
  const start = world.now;
  world.post(TERM).take();
  const seen: [string, number][] = [];
  while (world.phase !== 'done') {
    const next = world.nextTimeoutAt();
    world.advance(next - world.now);
    seen.push(...world.take().map((effect): [string, number] => [effect, world.now - start]));
  }
  assert.deepEqual(seen, [
    ['term-rest ims', 3850],
    ['kill-group ims', 4950],
    ['request-stop relay', 5500],
    ['term-rest relay', 6760],
    ['kill-group relay', 7120],
    ['sweep', 7300],
    ['exit 0', 7800],
  ]);
});

test('the leader is gone: the rest of its group gets TERM at once, and KILL at 90 %', () => {
  const world = new World().up();
  world.post(TERM);
  world.tell({ kind: 'exited', service: 'ims', exitCode: 0, signal: undefined, daemonised: false });
  assert.deepEqual(world.take(), ['request-stop ims', 'term-rest ims']);
  world.advance(4950);
  assert.deepEqual(world.take(), ['kill-group ims']);
  world.tell({ kind: 'extinct', service: 'ims' });
  assert.deepEqual(world.take(), ['request-stop relay']);
});

test('a second signal within 300 ms is the same one; after that it forces with 128 + n', () => {
  const world = new World().up();
  world.post(INT).take();
  world.advance(50).post(INT);
  assert.deepEqual(world.take(), []);
  world.advance(1000).post(INT);
  assert.deepEqual(world.take(), ['kill-everything', 'exit 130']);
});

test('TERM ends with 0, INT with 130, HUP with 129, QUIT with 131', () => {
  for (const [signal, status] of [
    ['SIGTERM', 0],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const) {
    const world = new World().up();
    world.post({ kind: 'signal', signal, reason: signal });
    world.die('ims', 0).die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
    assert.equal(world.exit()?.exitCode, status);
  }
});

test('the launcher is gone: an orderly stop with 0', () => {
  const world = new World().up();
  world.post({ kind: 'launcher-gone' });
  world.die('ims', 0).die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 0);
  assert.ok(world.reports.includes('launcher.gone'));
});

test('fault 30: a stop during backoff is over at once: nothing is left to wait for', () => {
  const world = new World().up();
  world.die('ims', 1).take();
  assert.equal(world.condition('ims'), 'backoff');
  world.post(TERM);
  assert.deepEqual(world.take(), ['request-stop relay']);
});

test('the relay crashes while the IMS is being stopped: no restart, exit 0', () => {
  const world = new World().up();
  world.post(TERM).die('relay', undefined, 'SIGSEGV').die('ims', 0);
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  const effects = world.take();
  assert.equal(effects.includes('spawn relay') || effects.includes('probe-relay'), false);
  assert.equal(effects.at(-1), 'exit 0');
});

test('strays are killed until two scans in a row find none', () => {
  const world = new World().up();
  world.post(TERM).die('ims', 0).die('relay', 0).take();
  for (const found of [2, 0, 1, 0]) {
    world.post({ kind: 'swept', found });
    assert.deepEqual(world.take(), ['sweep']);
  }
  world.post({ kind: 'swept', found: 0 });
  assert.deepEqual(world.take(), ['exit 0']);
});

test('a restart that is under way becomes a stop, without a second signal', () => {
  const world = new World().up();
  world.mute.add('relay');
  for (let miss = 0; miss < 10 && world.condition('relay') !== 'stopping'; miss++) {
    world.advance(2000);
    world.tell({ kind: 'checked', service: 'relay', outcome: 'silent', finding: '' });
  }
  world.take();
  world.post(TERM).die('ims', 0);
  assert.equal(world.take().includes('request-stop relay'), false);
  world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 0);
});
