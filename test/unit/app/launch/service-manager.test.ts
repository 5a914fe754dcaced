import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceManager } from '../../../../src/app/launch/service-manager.ts';
import {
  type Condition,
  HEALTHY,
  INITIAL_STATE,
  type Phase,
  type SupervisorState,
} from '../../../../src/supervisor/state.ts';

const READY: Condition = { kind: 'ready', readySince: 0, health: HEALTHY };
const BACKOFF: Condition = { kind: 'backoff', retryAt: 9 };

function stateOf(phase: Phase, relay: Condition, ims: Condition, announced = true): SupervisorState {
  return {
    ...INITIAL_STATE,
    phase,
    announced,
    relay: { ...INITIAL_STATE.relay, condition: relay },
    ims: { ...INITIAL_STATE.ims, condition: ims },
  };
}

function start(watchdogMs = Number.POSITIVE_INFINITY): { sent: string[]; manager: ServiceManager } {
  const sent: string[] = [];
  const socket = { send: (text: string) => sent.push(text) > 0, close: () => {} };
  return { sent, manager: new ServiceManager(socket, watchdogMs) };
}

test('READY once, STATUS when it changes, STOPPING once', () => {
  const { sent, manager } = start();
  manager.handleState(stateOf('up-ims', READY, { kind: 'idle' }, false));
  manager.handleState(stateOf('running', READY, READY));
  manager.handleState(stateOf('running', READY, READY));
  manager.handleState(stateOf('degraded', BACKOFF, READY));
  manager.handleState(stateOf('running', READY, READY));
  manager.handleState(stateOf('stopping', READY, READY));
  manager.handleState(stateOf('done', READY, READY));
  assert.deepEqual(sent, [
    'STATUS=up-ims: relay ready, IMS idle',
    'READY=1\nSTATUS=running: relay ready, IMS ready',
    'STATUS=degraded: relay backoff, IMS ready',
    'STATUS=running: relay ready, IMS ready',
    'STOPPING=1\nEXTEND_TIMEOUT_USEC=9000000\nSTATUS=stopping: relay ready, IMS ready',
    'STATUS=done: relay ready, IMS ready',
  ]);
});

test('RELOADING with its instant, then READY, around a reload; before READY and while stopping just the reload', async () => {
  const { sent, manager } = start();
  let applied = 0;
  const count = async (): Promise<number> => ++applied;
  await manager.whileReloading(count);
  assert.equal(sent.length, 0);
  manager.handleState(stateOf('running', READY, READY));
  // A reload that was asked for applies what it finds: both are one.
  await manager.whileReloading(() => manager.whileReloading(async () => sent.push('applied')));
  assert.match(sent[1] ?? '', /^RELOADING=1\nMONOTONIC_USEC=[0-9]+$/);
  assert.deepEqual(sent.slice(2), ['applied', 'READY=1']);
  manager.handleState(stateOf('stopping', READY, READY));
  await manager.whileReloading(count);
  assert.equal(applied, 2);
  assert.match(sent.at(-1) ?? '', /^STOPPING=1/);
});

test('the watchdog is fed only while both serve and the loop is in time', () => {
  const { sent, manager } = start(2000);
  const beats = (now: number): number => {
    const before = sent.filter((text) => text === 'WATCHDOG=1').length;
    manager.handleTick(now);
    return sent.filter((text) => text === 'WATCHDOG=1').length - before;
  };
  manager.handleState(stateOf('running', READY, READY));
  const now = performance.now();
  assert.equal(beats(now + 1000), 1);
  assert.equal(beats(now + 2000), 1);
  assert.equal(beats(now + 4500), 0, 'one and a half seconds late');
  assert.equal(beats(now + 5500), 1);
  manager.handleState(stateOf('degraded', BACKOFF, READY));
  assert.equal(beats(now + 6500), 0);
  manager.handleState(stateOf('degraded', READY, BACKOFF));
  assert.equal(beats(now + 7500), 0);
  const silent: Condition = { kind: 'unhealthy', readySince: 0, health: { ...HEALTHY, misses: 3 } };
  manager.handleState(stateOf('degraded', silent, READY));
  assert.equal(beats(now + 8500), 0);
  const mute: Condition = {
    kind: 'unhealthy',
    readySince: 0,
    health: { ...HEALTHY, media: { ...HEALTHY.media, misses: 3 } },
  };
  manager.handleState(stateOf('degraded', mute, READY));
  assert.equal(beats(now + 9500), 1, 'a relay that answers is left to its calls');
  manager.close();
});
