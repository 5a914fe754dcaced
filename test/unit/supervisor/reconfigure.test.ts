/** A changed configuration: planned restarts, their distance, the trial of what starts with it, and the way back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reconfigured } from '../../../src/supervisor/events.ts';
import { RELOAD_SPACING_MS } from '../../../src/supervisor/reconfigure.ts';
import { NO_HISTORY } from '../../../src/supervisor/restart-policy.ts';
import type { ServiceName } from '../../../src/supervisor/state.ts';
import { RULES, World } from './world.ts';

function change(service: ServiceName, more: Partial<Reconfigured> & { whenIdle?: boolean } = {}): Reconfigured {
  const { whenIdle = false, ...rest } = more;
  return {
    kind: 'reconfigured',
    rules: RULES,
    restarts: [{ service, whenIdle }],
    idleLimitMs: 600_000,
    revocable: true,
    rollback: false,
    ...rest,
  };
}

/** The process that was asked to stop is gone. */
function replaced(world: World, service: ServiceName): World {
  world.die(service, 0);
  return world;
}

test('a planned restart waits for nothing and counts nowhere', () => {
  const world = new World().up();
  world.post(change('ims'));
  assert.deepEqual(world.take(), ['request-stop ims']);
  replaced(world, 'ims');
  assert.deepEqual(world.take(), ['term-rest ims', 'spawn ims']);
  world.bringUp('ims');
  assert.equal(world.condition('ims'), 'ready');
  assert.deepEqual(world.state.ims.history, { ...NO_HISTORY, everReady: true });
  assert.equal(world.phase, 'running');
});

test('fault 84: at most one restart in five seconds, and the newest configuration is what it starts with', () => {
  const world = new World().up();
  world.advance(10_000);
  const startedAt: number[] = [];
  for (let write = 0; write < 50; write++) {
    world.post(change('ims')).advance(20);
    if (world.take().includes('request-stop ims')) {
      startedAt.push(world.now);
      replaced(world, 'ims').bringUp('ims').take();
    }
  }
  assert.equal(startedAt.length, 1);
  world.advance(RELOAD_SPACING_MS - 1500);
  assert.ok(!world.take().includes('request-stop ims'), 'too early for a second one');
  world.advance(1500);
  assert.ok(world.take().includes('request-stop ims'), 'the second one comes when its time has come');
  replaced(world, 'ims').bringUp('ims').take();
  world.advance(2 * RELOAD_SPACING_MS);
  assert.ok(!world.take().includes('request-stop ims'), 'the other 48 are the same one');
});

test('fault 81: what is to wait for the last call waits for it, and no longer than the limit', () => {
  const world = new World().up();
  world.post(change('ims', { whenIdle: true, idleLimitMs: 10_000 }));
  world.tell({ kind: 'counted', service: 'relay', sessions: 2 }).advance(5000);
  assert.ok(!world.take().includes('request-stop ims'));
  world.tell({ kind: 'counted', service: 'relay', sessions: 0 });
  assert.ok(world.take().includes('request-stop ims'));

  const busy = new World().up();
  busy.post(change('ims', { whenIdle: true, idleLimitMs: 10_000 })).advance(9000);
  assert.ok(!busy.take().includes('request-stop ims'));
  busy.advance(1000);
  assert.ok(busy.take().includes('request-stop ims'));
});

test('a crash before the planned restart makes it needless: the new process has the new configuration', () => {
  const world = new World().up();
  world.post(change('ims', { whenIdle: true }));
  world.die('ims').advance(1000);
  assert.equal(world.take().filter((effect) => effect === 'spawn ims').length, 1);
  world.bringUp('ims').tell({ kind: 'counted', service: 'relay', sessions: 0 });
  assert.ok(!world.take().includes('request-stop ims'));
});

test('a change ends a backoff, and does not touch what somebody else started', () => {
  const world = new World().up();
  world.die('ims').take();
  assert.equal(world.condition('ims'), 'backoff');
  world.post(change('ims'));
  assert.deepEqual(world.take(), ['spawn ims']);

  const adopted = new World().boot();
  adopted.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: 'rtpproxy' } }).take();
  adopted.post(change('relay')).advance(1000);
  assert.ok(!adopted.take().some((effect) => /stop|kill|term/.test(effect)));
});

/** Every start with the changed configuration fails until its budget is spent. */
function failTrial(world: World): World {
  replaced(world, 'ims');
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.equal(world.condition('ims'), 'starting', `attempt ${attempt + 1}`);
    world.die('ims', 1).advance(2000);
  }
  return world;
}

test('fault 83: three starts that fail with a changed configuration bring the one before back, once', () => {
  const world = new World().up();
  world.post(change('ims'));
  failTrial(world);
  assert.equal(world.take().filter((effect) => effect === 'roll-back ims').length, 1);
  assert.equal(world.exit(), undefined);
  assert.equal(world.state.stop, undefined);
  world.advance(120_000);
  assert.equal(world.condition('ims'), 'backoff', 'nothing starts before the former configuration is there');
  world.post(change('ims', { rollback: true }));
  assert.deepEqual(world.take().slice(-1), ['spawn ims']);
  world.bringUp('ims');
  assert.equal(world.phase, 'running');
  assert.deepEqual(world.state.ims.history, { ...NO_HISTORY, everReady: true }, 'its failures were not the service’s');
});

test('without rollbackOnFailure, and without a configuration that ever worked, a failed start is the end', () => {
  const world = new World().up();
  world.post(change('ims', { revocable: false }));
  replaced(world, 'ims');
  world.tell({ kind: 'spawn-failed', service: 'ims', reason: 'not-found', detail: 'no such command' });
  assert.equal(world.state.stop?.exitCode, 127);
  assert.ok(!world.take().includes('roll-back ims'));

  const young = new World().boot().tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  young.bringUp('relay').die('ims', 3).advance(300);
  young.post(change('ims')).advance(100);
  replaced(young, 'ims').die('ims', 3).advance(2000).die('ims', 3);
  assert.equal(young.state.stop?.exitCode, 3);
  assert.ok(!young.take().includes('roll-back ims'));
});

test('fault 87: nothing is planned while everything stops', () => {
  const world = new World().up();
  world.post({ kind: 'stop-asked', reason: 'test' }).take();
  world.post(change('relay')).advance(100);
  assert.equal(world.state.relay.planned, undefined);
  assert.ok(!world.take().includes('request-stop relay'), 'its turn comes after the IMS');
});
