import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StatusContext, systemStatus, verdictOf } from '../../../src/app/launch/status.ts';
import { readStatus, type Verdict } from '../../../src/control/status.ts';
import { RULES, World } from '../supervisor/world.ts';

const NO_AUTO_START = { ...RULES, relay: { ...RULES.relay, autoStart: false } };

function contextOf(world: World): StatusContext {
  return {
    now: world.now,
    startedTime: '2026-11-23T00:00:00.000Z',
    startedAt: world.now - 5000,
    version: '1.2.3',
    configPath: '/etc/ims.json',
    setup: undefined,
    relayFound: 'RTPP 20040107',
    loopLags: new Map([['ims' as const, 0.4]]),
    active: new Map([['ims', 3]]),
    log: { consoleIsGone: false, dropped: 0, file: undefined, fileDropped: 0 },
    spawns: new Map([['ims', 4]]),
    configStale: false,
  };
}

/** The three verdicts of a system that answers, state by state. */
test('what each state counts as', () => {
  const cases: [string, Verdict, World][] = [
    ['boot', 'starting', new World()],
    ['probe', 'starting', new World().boot()],
    ['relay starts', 'starting', new World().boot().tell({ kind: 'relay-probed', verdict: { kind: 'absent' } })],
    ['up', 'ready', new World().up()],
    ['IMS in backoff', 'starting', new World().up().die('ims', 1)],
    ['relay in backoff', 'starting', new World().up().die('relay', 1)],
    ['IMS restarts', 'starting', new World().up().post({ kind: 'restart-asked', service: 'ims' })],
    ['draining', 'degraded', new World().up().post({ kind: 'drain-asked', limitMs: 1000 })],
    ['stopping', 'degraded', new World().up().post({ kind: 'stop-asked', reason: '' })],
    [
      'no relay, none started',
      'degraded',
      new World()
        .boot(NO_AUTO_START)
        .tell({ kind: 'relay-probed', verdict: { kind: 'absent' } })
        .bringUp('ims'),
    ],
  ];
  for (const [name, verdict, world] of cases) {
    assert.equal(verdictOf(world.state), verdict, name);
  }
  const unhealthy = new World().up();
  for (let miss = 0; miss < 3; miss++) {
    unhealthy.advance(2000).tell({ kind: 'checked', service: 'relay', outcome: 'silent', finding: '' });
  }
  assert.equal(verdictOf(unhealthy.state), 'degraded');
});

test('the status of a system that is up', () => {
  const world = new World().up();
  const status = systemStatus(world.state, contextOf(world));
  assert.equal(status.verdict, 'ready');
  assert.equal(status.uptimeMs, 5000);
  const health = { misses: 0, answeredAgoMs: null, latencyMs: null, loopLagMs: 0.4, media: null };
  assert.deepEqual(
    { ...status.services.ims, uptimeMs: 0 },
    { state: 'ready', pid: 4001, uptimeMs: 0, restarts: 3, active: 3, where: '', detail: null, health },
  );
  assert.deepEqual(readStatus(JSON.parse(JSON.stringify(status))), status);
});

test('what is not running has no pid, and says when it comes', () => {
  const world = new World().up().die('ims', 1);
  const { ims } = systemStatus(world.state, contextOf(world)).services;
  assert.deepEqual([ims.state, ims.pid, ims.active], ['backoff', null, null]);
  assert.match(ims.detail ?? '', /starts again in \d+ ms/);
});

test('what is no status is not taken for one', () => {
  for (const value of [undefined, null, 7, {}, { verdict: 'ready', pid: 1, services: {} }, { verdict: 'fine' }]) {
    assert.equal(readStatus(value), undefined);
  }
});

test('ways of the legs are the relay’s, and told only where there is more than one', () => {
  const world = new World().up();
  const relayFlows = { kernel: 2, unseen: 1 };
  const { relay, ims } = systemStatus(world.state, { ...contextOf(world), relayFlows }).services;
  assert.deepEqual([relay.flows, ims.flows], [relayFlows, undefined]);
  assert.equal('flows' in systemStatus(world.state, contextOf(world)).services.relay, false);
});
