/** What a wait is called, in a supervisor in virtual time; and how often it is mentioned. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { describeWait, WaitReporter } from '../../../../src/app/launch/waits.ts';
import type { ServiceName } from '../../../../src/supervisor/state.ts';
import { RULES, World } from '../../supervisor/world.ts';

const NOBODY: ReadonlyMap<ServiceName, number> = new Map();

function waitOf(world: World, active = NOBODY): string | undefined {
  return describeWait(world.now, world.state, active);
}

function relayStarts(): World {
  const world = new World().boot().tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
  return world.tell({ kind: 'spawned', service: 'relay', pid: 4001 });
}

test('a start says which service it waits for, for how long yet, and what was missing at the last look', () => {
  const world = relayStarts().advance(4000);
  assert.match(waitOf(world) ?? '', /^the relay to be ready, 4 s of 10 s: ./);
  const imsStarts = relayStarts().bringUp('relay').tell({ kind: 'spawned', service: 'ims', pid: 4002 });
  imsStarts.tell({ kind: 'reported-ready', service: 'ims' }).advance(12_000);
  imsStarts.tell({ kind: 'checked', service: 'ims', outcome: 'silent', finding: 'no answer to OPTIONS' });
  assert.equal(waitOf(imsStarts), 'the IMS to be ready, 12 s of 60 s: no answer to OPTIONS');
});

test('a start without a limit says only how long it has taken', () => {
  const patient = { ...RULES, ims: { ...RULES.ims, startTimeoutMs: Number.POSITIVE_INFINITY } };
  const world = new World()
    .boot(patient)
    .tell({ kind: 'relay-probed', verdict: { kind: 'absent' } })
    .bringUp('relay');
  world.tell({ kind: 'spawned', service: 'ims', pid: 4002 }).advance(90_000);
  assert.match(waitOf(world) ?? '', /^the IMS to be ready, for 90 s: /);
});

test('a drain says how many calls are left, and when it ends all the same', () => {
  const world = new World().up().post({ kind: 'drain-asked', limitMs: 600_000 }).advance(41_000);
  assert.equal(waitOf(world, new Map([['ims', 3]])), 'the end of 3 calls, 41 s of 600 s');
  assert.equal(waitOf(world), 'the end of calls, 41 s of 600 s');
});

test('a stop says whose end it waits for', () => {
  const world = new World().up().post({ kind: 'stop-asked', reason: 'SIGTERM' }).advance(2000);
  assert.equal(waitOf(world), 'the IMS to stop, 2 s of 9 s');
});

test('a restart says that the old process is still to stop, which may take longer than the start of the next', () => {
  const world = new World().up().post({ kind: 'restart-asked', service: 'ims' }).advance(2000);
  assert.equal(waitOf(world), 'the IMS to stop, 4 s more');
});

test('a system that is up waits for nothing, and neither does one that has ended', () => {
  const world = new World().up();
  assert.equal(waitOf(world), undefined);
  assert.equal(waitOf(new World()), undefined);
});

test('a required relay that never comes: how long it may still take', () => {
  const rules = { ...RULES, relay: { ...RULES.relay, autoStart: false, required: true } };
  const world = new World()
    .boot(rules)
    .tell({ kind: 'relay-probed', verdict: { kind: 'absent' } })
    .advance(2000);
  assert.equal(waitOf(world), 'a relay to answer, 8 s more');
});

test('a wait is mentioned after 3 s, then ever more rarely, at last every 30 s; another wait begins anew', (t) => {
  const said = sayings(t);
  const { state } = relayStarts();
  said.reporter.handleState(state);
  assert.deepEqual(said.secondsUntilTold(100), [3, 9, 21, 45, 75]);
  const next = relayStarts().bringUp('relay').tell({ kind: 'spawned', service: 'ims', pid: 4002 });
  said.reporter.handleState(next.state);
  assert.deepEqual(said.secondsUntilTold(10), [3, 9]);
});

test('what is over in time is not mentioned; nor anything after the end', (t) => {
  const said = sayings(t);
  said.reporter.handleState(relayStarts().state);
  assert.deepEqual(said.secondsUntilTold(2), []);
  said.reporter.handleState(new World().up().state);
  assert.deepEqual(said.secondsUntilTold(100), []);
  said.reporter.handleState(relayStarts().state);
  said.reporter.close();
  assert.deepEqual(said.secondsUntilTold(100), []);
});

function sayings(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let count = 0;
  const reporter = new WaitReporter(
    () => NOBODY,
    () => {
      count += 1;
    },
  );
  t.after(() => reporter.close());
  /** The seconds, of so many, at which something was said. */
  const secondsUntilTold = (seconds: number): number[] => {
    const told: number[] = [];
    for (let second = 1; second <= seconds; second++) {
      const before = count;
      t.mock.timers.tick(1000);
      if (count > before) {
        told.push(second);
      }
    }
    return told;
  };
  return { reporter, secondsUntilTold };
}
