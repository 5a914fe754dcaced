import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world.ts';

const TERM = { kind: 'signal', signal: 'SIGTERM', reason: 'SIGTERM' } as const;
const INT = { kind: 'signal', signal: 'SIGINT', reason: 'SIGINT' } as const;

test('fault 36: the IMS stops first, then the relay, then strays are looked for twice', () => {
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

test('faults 44, 45: a second signal within 300 ms is the same one; after that it forces with 128 + n', () => {
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

test('fault 54: the relay crashes while the IMS is being stopped: no restart, exit 0', () => {
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

test('fault 55: the IMS is given up while the relay waits for its restart: one teardown, one exit with the IMS’s status', () => {
  const world = new World().up();
  const crash = (service: 'relay' | 'ims'): void => {
    world.die(service, 3);
    for (let wait = 0; wait < 100 && world.condition(service) === 'backoff'; wait++) {
      world.advance(500);
    }
    if (service === 'relay') {
      world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
    }
    world.bringUp(service);
    assert.equal(world.condition(service), 'ready');
  };
  // The IMS uses up its restarts, the relay most of them: then it waits for long.
  for (let failure = 0; failure < 10; failure++) {
    crash('ims');
  }
  for (let failure = 0; failure < 5; failure++) {
    crash('relay');
  }
  world.die('relay', 3);
  assert.equal(world.condition('relay'), 'backoff');
  world.take();
  world.die('ims', 3);
  assert.equal(world.phase, 'stopping');
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  world.advance(120_000);
  const effects = world.take();
  assert.deepEqual(
    effects.filter((effect) => /^(?:exit|spawn|probe-relay)/.test(effect)),
    ['exit 3'],
  );
  assert.equal(world.reports.filter((event) => event === 'stop.begin').length, 1);
});
