/** What the configuration may change about a stop, and about the end of an IMS or a relay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SupervisorRules } from '../../../src/supervisor/state.ts';
import { RULES, World } from './world.ts';

const TERM = { kind: 'signal', signal: 'SIGTERM', reason: 'SIGTERM' } as const;
const STRICT: SupervisorRules = { ...RULES, strictStop: true };

function endOf(world: World) {
  const { exitCode, failure } = world.exit() ?? {};
  return [exitCode, failure?.code];
}

function sweepClean(world: World): World {
  return world.post({ kind: 'swept', found: 0 }).post({ kind: 'swept', found: 0 });
}

test('killMode leader: the rest of the group is never asked, but killed at 90 % of the slice', () => {
  const world = new World().up({ ...RULES, ims: { ...RULES.ims, asksRest: false } });
  world.post(TERM);
  world.tell({ kind: 'exited', service: 'ims', exitCode: 0, signal: undefined, daemonised: false });
  assert.deepEqual(world.take(), ['request-stop ims']);
  world.advance(4949);
  assert.deepEqual(world.take(), []);
  world.advance(1);
  assert.deepEqual(world.take(), ['kill-group ims']);
});

test('strictStop: 71 when a group was killed, could not be killed, or the sweep found somebody; else 0', () => {
  const polite = new World().up(STRICT).post(TERM).die('ims', 0).die('relay', 0);
  assert.deepEqual(endOf(sweepClean(polite)), [0, undefined]);

  const killed = new World().up(STRICT).post(TERM).advance(5000).die('ims', undefined, 'SIGKILL').die('relay', 0);
  assert.deepEqual(endOf(sweepClean(killed)), [71, 'IMS_ERR_STOP_FORCED']);

  const stuck = new World().up(STRICT).post(TERM).advance(20_000);
  assert.deepEqual(endOf(stuck), [71, 'IMS_ERR_STOP_FORCED']);

  const stray = new World().up(STRICT).post(TERM).die('ims', 0).die('relay', 0).post({ kind: 'swept', found: 1 });
  assert.deepEqual(endOf(sweepClean(stray)), [71, 'IMS_ERR_STOP_FORCED']);
});

test('strictStop leaves other statuses alone, and a kill that was asked for', () => {
  const interrupted = new World().up(STRICT).post({ kind: 'signal', signal: 'SIGINT', reason: 'SIGINT' });
  assert.deepEqual(endOf(interrupted.advance(20_000)), [130, undefined]);
  const asked = new World().up(STRICT).post({ kind: 'kill-asked', reason: 'asked' });
  assert.deepEqual(endOf(asked), [0, undefined]);
  const lenient = new World().up().post(TERM).advance(20_000);
  assert.deepEqual(endOf(lenient), [0, undefined]);
});

test('purgeRelayOnImsExit: an IMS that ends, also when restarted, takes the sessions of our relay with it', () => {
  const world = new World().up({ ...RULES, purgeRelay: true });
  world.die('ims', 1);
  assert.deepEqual(world.take(), ['purge-relay', 'kill-group ims']);
  world.advance(1000).bringUp('ims').take();
  world.post({ kind: 'restart-asked', service: 'ims' }).die('ims', 0);
  assert.ok(world.take().includes('purge-relay'));
  world.bringUp('ims').take();
  world.post(TERM).die('ims', 0);
  assert.equal(world.take().includes('purge-relay'), false, 'everything stops');
});

test('purgeRelayOnImsExit: never a relay that was found, and nothing without the option', () => {
  const found = new World().boot({ ...RULES, purgeRelay: true });
  found.tell({ kind: 'relay-probed', verdict: { kind: 'rtpp', description: '' } });
  found.tell({ kind: 'media-proved', ok: true, finding: '' }).bringUp('ims').die('ims', 1);
  assert.equal(found.take().includes('purge-relay'), false);
  assert.equal(new World().up().die('ims', 1).take().includes('purge-relay'), false);
});

test('onRelayRestart: the command runs when another relay serves, not at the first one, not without an IMS', () => {
  const world = new World().up({ ...RULES, hasRelayHook: true, ims: { ...RULES.ims, embedded: false } });
  world.tell({ kind: 'checked', service: 'ims', outcome: 'answered', finding: '' });
  assert.equal(world.phase, 'running');
  assert.deepEqual(world.take(), []);
  world
    .die('relay', 1)
    .advance(1000)
    .tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  world.bringUp('relay');
  assert.ok(world.take().includes('run-relay-hook'));
});
