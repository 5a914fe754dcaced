/** What the configuration may change about restarts: whether, how soon, how often, who else, and what comes after. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeFailure, NO_HISTORY, RESTART_DEFAULTS } from '../../../src/supervisor/restart-policy.ts';
import type { ServiceRules, SupervisorRules } from '../../../src/supervisor/state.ts';
import { RULES, World } from './world.ts';

function withIms(rules: Partial<ServiceRules>, others: Partial<SupervisorRules> = {}): SupervisorRules {
  return { ...RULES, ...others, ims: { ...RULES.ims, ...rules } };
}

/** The IMS ends again and again, each time before it is ready, until it is not started any more. */
function crashImsAtBoot(world: World, tries = 3): World {
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).bringUp('relay');
  for (let attempt = 0; attempt < tries; attempt++) {
    world.die('ims', 3).advance(1000);
  }
  return world;
}

function stopPolitely(world: World): World {
  return world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
}

test('delays, boot attempts, budget and the stable time are those of the configuration', () => {
  const rules = {
    delaysMs: [100, 700],
    stableAfterMs: 5000,
    bootAttempts: 2,
    budget: { restarts: 2, windowMs: 10_000 },
  };
  const everReady = { ...NO_HISTORY, everReady: true };
  const first = judgeFailure(0, everReady, 15_000, 0, rules);
  assert.deepEqual(first.verdict, { kind: 'retry', delayMs: 100, attempt: 1 });
  const second = judgeFailure(1000, first.history, 4999, 0, rules);
  assert.deepEqual(second.verdict, { kind: 'retry', delayMs: 560, attempt: 2 });
  assert.deepEqual(judgeFailure(9999, second.history, 0, 0, rules).verdict, { kind: 'give-up', budget: 'runtime' });
  assert.equal(judgeFailure(11_000, second.history, 0, 0, rules).verdict.kind, 'retry');
  assert.deepEqual(judgeFailure(11_000, second.history, 5000, 0.5, rules).verdict, {
    kind: 'retry',
    delayMs: 700,
    attempt: 1,
  });
  const boot = judgeFailure(0, NO_HISTORY, undefined, 0.5, rules);
  assert.deepEqual(judgeFailure(1, boot.history, undefined, 0.5, rules).verdict, { kind: 'give-up', budget: 'boot' });
  assert.equal(judgeFailure(0, everReady, 0, 0.5, { ...RESTART_DEFAULTS, delaysMs: [0] }).verdict.kind, 'retry');
});

test('giveUp park: the IMS rests, the relay goes on, and a restart that is asked for grants everything again', () => {
  const world = crashImsAtBoot(new World().boot({ ...RULES, giveUp: 'park' }));
  assert.deepEqual([world.condition('ims'), world.phase], ['failed', 'degraded']);
  assert.match(JSON.stringify(world.state.ims.condition), /did not become ready in 3 tries/);
  world.take();
  world.advance(3_600_000);
  assert.deepEqual(world.take(), [], 'no delay brings it back');
  world.post({ kind: 'restart-asked', service: 'ims' });
  assert.deepEqual(world.take(), ['spawn ims']);
  world.die('ims', 3);
  assert.equal(world.condition('ims'), 'backoff', 'two more tries are left');
  world.advance(1000).bringUp('ims');
  assert.equal(world.condition('ims'), 'ready');
  assert.equal(world.exit(), undefined);
});

test('giveUp park: a relay that rests keeps no IMS waiting, unless a relay is required', () => {
  for (const [required, expected] of [
    [false, ['spawn ims']],
    [true, []],
  ] as const) {
    const world = new World().boot({ ...RULES, giveUp: 'park', relay: { ...RULES.relay, required } });
    for (let attempt = 0; attempt < 3; attempt++) {
      world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).take();
      world.die('relay', 1).advance(1000);
    }
    assert.equal(world.condition('relay'), 'failed');
    assert.deepEqual(
      world.take().filter((effect) => effect === 'spawn ims'),
      expected,
    );
    assert.equal(world.phase, 'degraded');
    world.post({ kind: 'restart-asked', service: 'relay' });
    assert.ok(world.take().includes('probe-relay'), 'the port is looked at again');
  }
});

test('giveUp park: a command that is not there, or ends with 78, rests at once; a stop is clean', () => {
  const world = new World().boot({ ...RULES, giveUp: 'park' });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).bringUp('relay');
  world.tell({ kind: 'spawn-failed', service: 'ims', reason: 'not-found', detail: 'nope' });
  assert.equal(world.condition('ims'), 'failed');
  world.post({ kind: 'restart-asked', service: 'ims' }).die('ims', 78);
  assert.equal(world.condition('ims'), 'failed');
  world.take();
  world.post({ kind: 'signal', signal: 'SIGTERM', reason: 'SIGTERM' });
  assert.deepEqual(world.take(), ['request-stop relay']);
  assert.equal(stopPolitely(world).exit()?.exitCode, 0);
});

test('giveUp never: past every budget it is tried at the longest delay, whatever it dies of', () => {
  const world = crashImsAtBoot(new World().boot({ ...RULES, giveUp: 'never' }), 3);
  for (const exitCode of [3, 78, 64, 0]) {
    world.take();
    world.advance(28_900);
    assert.equal(world.take().includes('spawn ims'), false);
    world.advance(1100);
    assert.ok(world.take().includes('spawn ims'), `after the ${exitCode === 3 ? 'budget' : 'last status'}`);
    world.die('ims', exitCode);
    world.advance(0);
  }
  assert.equal(world.exit(), undefined);
  assert.equal(world.reports.includes('comp.gaveup'), false);
});

test('giveUp never: a stranger on the control port at boot is asked again and again', () => {
  const world = new World().boot({ ...RULES, giveUp: 'never' });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'foreign', owner: 'process 1 (dnsmasq)' } }).take();
  world.advance(30_000);
  assert.deepEqual(world.take(), ['probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  assert.deepEqual(world.take(), ['spawn relay']);
});

test('restart never: the first end is the last, and says so in the status of the run', () => {
  for (const [exitCode, signal, status] of [
    [0, undefined, 0],
    [4, undefined, 4],
    [undefined, 'SIGKILL', 137],
  ] as const) {
    const world = new World().up(withIms({ restart: 'never' }));
    world.die('ims', exitCode, signal);
    assert.deepEqual([...new Set(world.take())], ['kill-group ims', 'request-stop relay']);
    assert.equal(stopPolitely(world).exit()?.exitCode, status);
  }
});

test('restart on-failure: success, 0 or as configured, ends the run with 0; a failure is retried', () => {
  const rules = withIms({ restart: 'on-failure', successExitCodes: [7, 78] });
  for (const exitCode of [0, 7, 78]) {
    const world = new World().up(rules).die('ims', exitCode);
    assert.equal(world.phase, 'stopping');
    const { exitCode: status, failure } = stopPolitely(world).exit() ?? {};
    assert.deepEqual([status, failure], [0, undefined]);
  }
  for (const [exitCode, signal] of [
    [1, undefined],
    [undefined, 'SIGTERM'],
  ] as const) {
    assert.equal(new World().up(rules).die('ims', exitCode, signal).condition('ims'), 'backoff');
  }
  assert.equal(
    new World()
      .up({ ...rules, giveUp: 'park' })
      .die('ims', 7)
      .condition('ims'),
    'failed',
  );
});

test('successExitCodes alone change no decision: an end with such a status is still followed by a restart', () => {
  const world = new World().up(withIms({ successExitCodes: [7] })).die('ims', 7);
  assert.equal(world.condition('ims'), 'backoff');
  world.advance(300);
  assert.ok(world.take().includes('spawn ims'));
});

test('strategy rest_for_one: the IMS restarts with a lost relay, after it; the relay stays when the IMS is lost', () => {
  const world = new World().up({ ...RULES, strategy: 'rest_for_one' }).advance(15_000);
  world.take();
  world.die('relay', 1);
  assert.deepEqual(world.take(), ['kill-group relay', 'request-stop ims', 'spawn relay']);
  world.die('ims', 0).advance(1000);
  assert.equal(world.take().includes('spawn ims'), false);
  world.bringUp('relay');
  assert.ok(world.take().includes('spawn ims'));
  assert.equal(world.state.ims.history.failures, 0, 'it is no failure of the IMS');
  world.bringUp('ims').take();
  world.die('ims', 1);
  assert.deepEqual(world.take(), ['kill-group ims']);
});

test('strategy rest_for_one: also when a relay that was found is gone', () => {
  const world = new World().boot({ ...RULES, strategy: 'rest_for_one' });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  world.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims').take();
  for (let refusal = 0; refusal < 2; refusal++) {
    world.advance(2000).tell({ kind: 'checked', service: 'relay', outcome: 'refused', finding: '' });
  }
  assert.ok(world.take().includes('request-stop ims'));
});

test('strategy one_for_all: the relay restarts with a lost IMS, which waits for it; a found relay is left alone', () => {
  const world = new World().up({ ...RULES, strategy: 'one_for_all' });
  world.die('ims', 1);
  assert.deepEqual(world.take(), ['kill-group ims', 'request-stop relay']);
  world.die('relay', 0).advance(1000);
  assert.deepEqual(world.take(), ['term-rest relay', 'spawn relay']);
  world.bringUp('relay');
  assert.ok(world.take().includes('spawn ims'));

  const found = new World().boot({ ...RULES, strategy: 'one_for_all' });
  found.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  found.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims').take();
  found.die('ims', 1);
  assert.deepEqual(found.take(), ['kill-group ims']);
});

test('a planned restart takes nobody along, and nobody is restarted during a drain', () => {
  const world = new World().up({ ...RULES, strategy: 'one_for_all' });
  world.post({ kind: 'restart-asked', service: 'relay' });
  assert.deepEqual(world.take(), ['request-stop relay']);
  const draining = new World().up({ ...RULES, strategy: 'one_for_all' });
  draining.post({ kind: 'drain-asked', limitMs: 60_000 }).take();
  draining.die('relay', 1);
  assert.equal(draining.take().includes('request-stop ims'), false);
});

test('a command that went into the background is killed there before it is parked or tried again', () => {
  const world = new World().up({ ...withIms({ embedded: false }), giveUp: 'park' });
  world.tell({ kind: 'exited', service: 'ims', exitCode: 0, signal: undefined, daemonised: true });
  assert.deepEqual(world.take(), ['kill-group ims', 'kill-strays ims']);
  assert.equal(world.condition('ims'), 'failed');
});
