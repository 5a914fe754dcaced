import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeFailure, NO_HISTORY, RESTART_DEFAULTS } from '../../../src/supervisor/restart-policy.ts';
import { RULES, World } from './world.ts';

const EVER_READY = { ...NO_HISTORY, everReady: true };

test('delays follow the table, and the last one repeats', () => {
  const delays: number[] = [];
  let history = EVER_READY;
  for (let now = 0; now < 11 * 60_000; now += 60_000) {
    const judged = judgeFailure(now, history, 15_000, 0.5);
    history = judged.history;
    delays.push(judged.verdict.kind === 'retry' ? judged.verdict.delayMs : -1);
  }
  assert.deepEqual(delays, [...RESTART_DEFAULTS.delaysMs, 30_000, 30_000]);
});

test('jitter is at most 20 % either way, and none on the immediate retry', () => {
  for (const random of [0, 0.25, 0.999_999]) {
    const first = judgeFailure(0, EVER_READY, 15_000, random);
    assert.deepEqual(first.verdict, { kind: 'retry', delayMs: 0, attempt: 1 });
    const { verdict } = judgeFailure(1000, first.history, 15_000, random);
    assert.ok(verdict.kind === 'retry' && verdict.delayMs >= 200 && verdict.delayMs <= 300);
  }
});

test('only a service that had been ready for 10 s is restarted at once', () => {
  assert.deepEqual(judgeFailure(0, EVER_READY, 9999, 0.5).verdict, { kind: 'retry', delayMs: 250, attempt: 1 });
  assert.deepEqual(judgeFailure(0, EVER_READY, 10_000, 0.5).verdict, { kind: 'retry', delayMs: 0, attempt: 1 });
  assert.deepEqual(judgeFailure(0, EVER_READY, undefined, 0.5).verdict, { kind: 'retry', delayMs: 250, attempt: 1 });
});

test('60 s of readiness begin the series anew, 59 s do not', () => {
  const { history } = judgeFailure(0, judgeFailure(0, EVER_READY, 15_000, 0.5).history, 15_000, 0.5);
  assert.deepEqual(judgeFailure(70_000, history, 59_000, 0.5).verdict, { kind: 'retry', delayMs: 500, attempt: 3 });
  assert.deepEqual(judgeFailure(70_000, history, 60_000, 0.5).verdict, { kind: 'retry', delayMs: 0, attempt: 1 });
});

test('a service that was never ready gets three starts', () => {
  let history = NO_HISTORY;
  const verdicts: string[] = [];
  for (let attempt = 0; attempt < RESTART_DEFAULTS.bootAttempts; attempt++) {
    const judged = judgeFailure(attempt, history, undefined, 0.5);
    history = judged.history;
    verdicts.push(judged.verdict.kind);
  }
  assert.deepEqual(verdicts, ['retry', 'retry', 'give-up']);
});

test('ten restarts in 300 s are granted, the eleventh is not; older ones are forgotten', () => {
  let history = EVER_READY;
  for (let restart = 0; restart < RESTART_DEFAULTS.budget.restarts; restart++) {
    const judged = judgeFailure(restart, history, 0, 0.5);
    assert.equal(judged.verdict.kind, 'retry');
    history = judged.history;
  }
  assert.equal(judgeFailure(1000, history, 0, 0.5).verdict.kind, 'give-up');
  assert.equal(judgeFailure(301_000, history, 0, 0.5).verdict.kind, 'retry');
});

test('the relay dies after 15 s: started again at once, the IMS stays and is told', () => {
  const world = new World().up().advance(15_000);
  world.take();
  world.die('relay', undefined, 'SIGKILL');
  assert.equal(world.phase, 'degraded');
  assert.deepEqual(world.take(), ['kill-group relay', 'spawn relay']);
  world.bringUp('relay');
  assert.equal(world.phase, 'running');
  assert.deepEqual(world.take(), ['check relay', 'prove-media', 'tell-relay-up']);
});

test('a relay that lost its port to another one is not started again: the other one is used', () => {
  const world = new World().up(RULES, 'unavailable').advance(15_000);
  world.take();
  world.die('relay', undefined, 'SIGKILL');
  assert.deepEqual(world.take(), ['kill-group relay', 'probe-relay']);
  world.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: 'another' } });
  assert.equal(world.condition('relay'), 'adopted');
});

test('no restart before the last process of the group is gone', () => {
  const world = new World().up().advance(15_000);
  const { generation } = world.state.relay;
  world.tell({ kind: 'exited', service: 'relay', exitCode: 1, signal: undefined, daemonised: false });
  world.advance(5000);
  assert.deepEqual(
    world.take().filter((effect) => effect !== 'check ims' && effect !== 'check relay'),
    ['kill-group relay'],
  );
  world.post({ kind: 'extinct', service: 'relay', generation });
  assert.deepEqual(world.take(), ['spawn relay']);
});

test('fault 22: the IMS ends with 0 unasked: a failure like any other', () => {
  const world = new World().up();
  world.die('ims', 0);
  assert.equal(world.condition('ims'), 'backoff');
  world.advance(300);
  assert.ok(world.take().includes('spawn ims'));
});

test('fault 23: status 78 is not retried: it says that the configuration is wrong', () => {
  const world = new World().up();
  world.die('ims', 78);
  world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 78);
});

test('a command that does not exist ends everything with 127', () => {
  const world = new World().boot();
  world
    .tell({ kind: 'relay-probed', verdict: { kind: 'absent' } })
    .bringUp('relay')
    .take();
  world.tell({ kind: 'spawn-failed', service: 'ims', reason: 'not-found', detail: 'nope: there is no such command' });
  assert.deepEqual(world.take(), ['request-stop relay']);
  world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 127);
  assert.equal(world.exit()?.failure?.code, 'IMS_ERR_COMMAND_NOT_FOUND');
});

test('fault 29: a relay that never becomes ready is stopped after its start timeout; three of those end with 69', () => {
  const world = new World().boot();
  for (let attempt = 0; attempt < 3; attempt++) {
    world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
    world.tell({ kind: 'spawned', service: 'relay', pid: 5000 + attempt });
    world.advance(10_000);
    assert.equal(world.condition('relay'), 'stopping');
    world.die('relay', undefined, 'SIGTERM');
    world.advance(1000);
  }
  world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 69);
  assert.match(world.exit()?.failure?.message ?? '', /3 tries/);
});

test('an IMS that keeps crashing ends the run with its own status, or 128 + its signal', () => {
  for (const [exitCode, signal, status] of [
    [3, undefined, 3],
    [undefined, 'SIGSEGV', 139],
    [0, undefined, 70],
    // What 69, 71 and 75 say of ims-launch itself is not what the IMS means; a shell's 127 is.
    [69, undefined, 70],
    [75, undefined, 70],
    [127, undefined, 127],
  ] as const) {
    const world = new World().boot();
    world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).bringUp('relay');
    for (let attempt = 0; attempt < 3; attempt++) {
      world.advance(1000);
      world.die('ims', exitCode, signal);
    }
    world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
    assert.equal(world.exit()?.exitCode, status);
  }
});

test('fault 34: relay and IMS die in the same instant: the relay comes first, the IMS waits for it', () => {
  const world = new World().up().advance(15_000);
  world.die('relay', 1).die('ims', 1).take();
  world.advance(5000);
  assert.equal(world.take().includes('spawn ims'), false);
  world.bringUp('relay');
  assert.ok(world.take().includes('spawn ims'));
});

test('a daemonised command is named and not started again', () => {
  const world = new World().boot({ ...RULES, ims: { ...RULES.ims, embedded: false } });
  world.tell({ kind: 'relay-probed', verdict: { kind: 'absent' } }).bringUp('relay');
  world.tell({ kind: 'exited', service: 'ims', exitCode: 0, signal: undefined, daemonised: true });
  world.tell({ kind: 'extinct', service: 'ims' });
  world
    .die('relay', 0)
    .post({ kind: 'swept', found: 1 })
    .post({ kind: 'swept', found: 0 })
    .post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 78);
  assert.equal(world.exit()?.failure?.code, 'IMS_ERR_DAEMONISED');
});

/** The IMS has been ready for so long and ends; returns how long its successor has to wait. */
function crashImsAfter(world: World, readyMs: number): number {
  for (let elapsedMs = 0; elapsedMs < readyMs; elapsedMs += 1000) {
    world.advance(1000);
  }
  world.die('ims', 3);
  const { condition } = world.state.ims;
  if (condition.kind === 'starting') {
    return 0;
  }
  assert.ok(condition.kind === 'backoff', `it is ${condition.kind}`);
  return condition.retryAt - world.now;
}

function comeBack(world: World, delayMs: number): void {
  world.advance(delayMs).bringUp('ims');
  assert.equal(world.condition('ims'), 'ready');
}

test('fault 25: an IMS that is ready and crashes every 2 s: delays by the table, the end after ten in 300 s', () => {
  let seed = 0.1;
  const world = new World(() => {
    seed = (seed * 7.3) % 1;
    return seed;
  }).up();
  for (const [index, nominalMs] of [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000].entries()) {
    const delayMs = crashImsAfter(world, 2000);
    assert.ok(Math.abs(delayMs - nominalMs) <= nominalMs * 0.25, `wait ${index + 1} is ${delayMs} ms`);
    comeBack(world, delayMs);
  }
  world.advance(2000).die('ims', 3);
  assert.equal(world.phase, 'stopping', 'the eleventh end within 300 s is the last');
  world.die('relay', 0).post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
  assert.equal(world.exit()?.exitCode, 3);
});

for (const [rule, readyMs, delaysMs] of [
  ['fault 26: a crash after 61 s of readiness begins the series anew', 61_000, [250, 500, 0]],
  ['fault 27: a crash after 59 s of readiness goes on with the series', 59_000, [250, 500, 1000]],
] as const) {
  test(rule, () => {
    const world = new World().up();
    const delays = [2000, 2000, readyMs].map((lifeMs) => {
      const delayMs = crashImsAfter(world, lifeMs);
      comeBack(world, delayMs);
      return delayMs;
    });
    assert.deepEqual(delays, delaysMs);
    assert.equal(world.state.ims.history.failures, readyMs > 60_000 ? 1 : 3);
  });
}

test('fault 27: a minute with an illness in it is no minute of readiness', () => {
  const world = new World().up();
  comeBack(world, crashImsAfter(world, 2000));
  world.take();
  for (let second = 0; second < 75; second++) {
    world.advance(1000);
    if (world.take().includes('check ims')) {
      world.tell({ kind: 'checked', service: 'ims', outcome: second < 45 ? 'silent' : 'answered', finding: '' });
    }
  }
  assert.ok(world.reports.includes('comp.unhealthy') && world.reports.includes('comp.recovered'));
  assert.equal(crashImsAfter(world, 1000), 500);
});

test('fault 33: the exit of an earlier incarnation comes when the next one is ready: ignored', () => {
  const world = new World().up();
  const { generation } = world.state.ims;
  world.die('ims', 1).advance(300).bringUp('ims').take();
  const { incarnation } = world.state.ims;
  const late = { service: 'ims', generation } as const;
  world.post({ kind: 'exited', ...late, exitCode: 1, signal: undefined, daemonised: false });
  world.post({ kind: 'extinct', ...late });
  world.post({ kind: 'reported-ready', ...late });
  world.post({ kind: 'checked', ...late, outcome: 'refused', finding: '' });
  assert.equal(world.condition('ims'), 'ready');
  assert.deepEqual(world.state.ims.incarnation, incarnation, 'it is still the one that is watched');
  assert.deepEqual(world.take(), []);
  assert.equal(world.reports.filter((event) => event === 'comp.stale').length, 4);
  assert.equal(world.die('ims', 1).condition('ims'), 'backoff', 'its own end counts');
});

test('fault 35: a relay that dies, and three times more while it starts: each counts, and none is started beside another', () => {
  const world = new World().up();
  for (let death = 1; death <= 4; death++) {
    world.die('relay', undefined, 'SIGKILL');
    assert.equal(world.condition('relay'), 'backoff');
    world.take();
    world.advance(2000);
    assert.equal(world.take().filter((effect) => effect === 'spawn relay').length, 1);
    world.tell({ kind: 'spawned', service: 'relay', pid: 5000 + death });
  }
  const { failures, restartedAt } = world.state.relay.history;
  assert.deepEqual([failures, restartedAt.length], [4, 4]);
  world.bringUp('relay');
  assert.equal(world.phase, 'running');
});
