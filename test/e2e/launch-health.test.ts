/** Relay and IMS as they fall ill: what is noticed, and who is restarted for it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  choosePlace,
  configure,
  eventLine,
  fieldOf,
  fixture,
  type LaunchPlace,
  startLauncher,
} from '../support/launcher.ts';
import { mediaChecksOf, pidsOf, statusOf } from '../support/launcher-status.ts';
import { freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { activeSessions, askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { boundUdpPorts } from '../support/survivors.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

interface Run {
  readonly scope: Scope;
  readonly place: LaunchPlace;
  readonly launcher: Program;
}

type Keys = Readonly<Record<string, unknown>>;

/** A system that is up; a machine that does many things at once may take its time over each step. */
const PATIENCE_MS = 60_000;

async function startUp(t: TestContext, keysOf: (place: LaunchPlace) => Keys): Promise<Run> {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, keysOf(place));
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE, PATIENCE_MS);
  return { scope, place, launcher };
}

/** With the relay of test/fixtures, which falls ill on command. */
function faultyRelay(place: LaunchPlace, supervisor: Keys): Keys {
  return { supervisor, relay: { command: fixture('rtpproxy-stub', '--port', place.relayPort) } };
}

/** A line about another incarnation than `pid`. */
function readyAgain(service: 'relay' | 'ims', pid: number | null): RegExp {
  return new RegExp(`${eventLine('comp.ready', service).source}.*"childPid":(?!${pid}\\b)`);
}

function count(launcher: Program, pattern: RegExp): number {
  return launcher.output.split('\n').filter((line) => pattern.test(line)).length;
}

/** Who would be dead by now has been replaced by now. */
async function assertSamePids(place: LaunchPlace, before: readonly (number | null)[]): Promise<void> {
  assert.deepEqual(await pidsOf(place), before);
}

test('fault 65: a relay that stands still for 5 s is unhealthy, and not restarted', async (t) => {
  // Asked more often than every 2 s, so that it is no chance whether three questions fall into the 5 s.
  const { place, launcher } = await startUp(t, () => ({ supervisor: { healthIntervalMs: 500 } }));
  const pids = await pidsOf(place);
  process.kill(Number(pids[0]), 'SIGSTOP');
  try {
    await launcher.waitForLine(eventLine('comp.unhealthy', 'relay'), PATIENCE_MS);
    const { verdict, services } = await statusOf(place);
    assert.equal(verdict, 'degraded');
    assert.ok((services.relay.health?.misses ?? 0) >= 3);
  } finally {
    process.kill(Number(pids[0]), 'SIGCONT');
  }
  await launcher.waitForLine(eventLine('comp.recovered', 'relay'), PATIENCE_MS);
  assert.equal((await statusOf(place)).verdict, 'ready');
  await assertSamePids(place, pids);
  assert.doesNotMatch(launcher.output, eventLine('comp.hung'));
});

test('fault 66: a relay that stands still for 20 s is restarted once; the IMS stays', async (t) => {
  const { place, launcher } = await startUp(t, () => ({}));
  const [relay, ims] = await pidsOf(place);
  const stoppedAt = performance.now();
  process.kill(Number(relay), 'SIGSTOP');
  const snapshot = await launcher.waitForLine(eventLine('comp.snapshot', 'relay'), PATIENCE_MS);
  assert.ok(performance.now() - stoppedAt >= 10_000, 'not before 10 s');
  assert.match(String(fieldOf(snapshot, 'state')), /^T/);
  await launcher.waitForLine(readyAgain('relay', relay), PATIENCE_MS);
  const [successor, sameIms] = await pidsOf(place);
  assert.notEqual(successor, relay);
  assert.equal(sameIms, ims);
  await waitFor('the end of the 20 s', () => performance.now() - stoppedAt > 20_000, { timeoutMs: PATIENCE_MS });
  assert.equal(count(launcher, eventLine('comp.hung', 'relay')), 1);
  await assertSamePids(place, [successor, ims]);
});

test('fault 67: a relay that answers and drops media is found; it is restarted only without calls', async (t) => {
  const { place, launcher } = await startUp(t, (at) => faultyRelay(at, { mediaCheckIntervalMs: 300 }));
  const port = place.relayPort;
  const [relay, ims] = await pidsOf(place);
  await waitFor('checks that pass', async () => (await mediaChecksOf(place)) >= 2, { timeoutMs: PATIENCE_MS });
  await askRelay(port, 'U call-1 127.0.0.1 9000 from-1');
  await askRelay(port, '!fault forwards-nothing');
  await launcher.waitForLine(eventLine('comp.unhealthy', 'relay'), PATIENCE_MS);
  const then = await mediaChecksOf(place);
  await waitFor('three more checks', async () => (await mediaChecksOf(place)) >= then + 3, { timeoutMs: PATIENCE_MS });
  const { verdict, services } = await statusOf(place);
  assert.deepEqual([verdict, services.relay.state], ['degraded', 'unhealthy']);
  assert.match(services.relay.detail ?? '', /^media does not pass: nothing passes/);
  assert.equal(services.relay.health?.misses, 0, 'its control socket answers');
  await assertSamePids(place, [relay, ims]);
  assert.equal(await askRelay(port, 'D call-1 from-1'), '0', 'the call was never touched');
  await launcher.waitForLine(/the relay passes no media and is restarted/, PATIENCE_MS);
  await launcher.waitForLine(readyAgain('relay', relay), PATIENCE_MS);
  assert.equal((await pidsOf(place))[1], ims);
  await waitFor('checks that pass', async () => (await mediaChecksOf(place)) >= 2, { timeoutMs: PATIENCE_MS });
  assert.equal((await statusOf(place)).verdict, 'ready');
});

test('fault 68: a relay that alters payload is found', async (t) => {
  const { place, launcher } = await startUp(t, (at) => faultyRelay(at, { mediaCheckIntervalMs: 300 }));
  await askRelay(place.relayPort, '!fault alters-payload');
  const line = await launcher.waitForLine(eventLine('comp.unhealthy', 'relay'), PATIENCE_MS);
  assert.match(String(fieldOf(line, 'reason')), /RTP from caller to callee is altered on its way/);
});

test('fault 69: a hundred checks leave no session and no port behind, and are no calls', async (t) => {
  const { place, launcher } = await startUp(t, () => ({ supervisor: { mediaCheckIntervalMs: 50 } }));
  const active = new Set<number | null>();
  await waitFor(
    'a hundred checks',
    async () => {
      const { relay } = (await statusOf(place)).services;
      active.add(relay.active);
      return (relay.health?.media?.checks ?? 0) >= 100;
    },
    { timeoutMs: 120_000, intervalMs: 200 },
  );
  active.delete(null);
  assert.deepEqual([...active], [0], 'nobody who looks for calls sees a check');
  const mediaPorts = (): number[] =>
    [...boundUdpPorts()].filter((port) => port >= place.minPort && port <= place.maxPort);
  // Between two checks; whatever a check left behind would stay for a minute at least.
  await waitFor(
    'a relay without sessions and ports',
    async () => (await activeSessions(place.relayPort)) === 0 && mediaPorts().length === 0,
    { intervalMs: 5 },
  );
  assert.equal((await statusOf(place)).services.relay.health?.media?.misses, 0);
  assert.doesNotMatch(launcher.output, /imsl-hc/, 'a check is no line of the log');
});

test('fault 69: a check that is cut short by the end of ims-launch deletes its session on a relay that stays', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const port = place.relayPort;
  const relay = Program.start(scope, { name: 'relay', command: fixture('rtpproxy-stub', '--port', port) });
  await waitFor('the relay', () => askRelay(port, 'V', 500).catch(() => undefined));
  await configure(place, { supervisor: { mediaCheckIntervalMs: 50, mediaCheckOfFound: true } });
  for (let round = 0; round < 3; round++) {
    await askRelay(port, '!fault none');
    const launcher = startLauncher(scope, place);
    await launcher.waitForLine(READY_LINE, PATIENCE_MS);
    await waitFor('a check', async () => (await mediaChecksOf(place)) >= 1, { timeoutMs: PATIENCE_MS });
    // Now a check waits half a second in vain: the stop falls into it.
    await askRelay(port, '!fault forwards-nothing');
    await waitFor('a session of a check', async () => (await activeSessions(port)) === 1, { intervalMs: 1 });
    launcher.signal('SIGTERM');
    assert.equal((await launcher.waitForExit()).code, 0);
    assert.equal(await activeSessions(port), 0);
  }
  assert.ok(relay.running, 'it is not ours to stop');
});

// The exact limit of 1 s is tested in virtual time (test/sim/relay-health.test.ts): this machine is not that exact.
test('fault 72: a relay that answers late is well, one that answers too late is not', async (t) => {
  const { place, launcher } = await startUp(t, (at) =>
    faultyRelay(at, { healthIntervalMs: 300, mediaCheckIntervalMs: 0 }),
  );
  const port = place.relayPort;
  const latency = async (): Promise<number> => (await statusOf(place)).services.relay.health?.latencyMs ?? 0;
  await askRelay(port, '!delay 400', 10_000);
  await waitFor('late answers', async () => (await latency()) >= 400, { timeoutMs: PATIENCE_MS });
  assert.doesNotMatch(launcher.output, eventLine('comp.unhealthy'));
  await askRelay(port, '!delay 2500', 10_000);
  await launcher.waitForLine(eventLine('comp.unhealthy', 'relay'), PATIENCE_MS);
  await askRelay(port, '!delay 0', 10_000);
  await launcher.waitForLine(eventLine('comp.recovered', 'relay'), PATIENCE_MS);
  assert.equal(count(launcher, eventLine('relay.spawn')), 1);
});

for (const action of ['report', 'restart'] as const) {
  test(`fault 73: an IMS that stops answering: ${action}`, async (t) => {
    const { place, launcher } = await startUp(t, ({ sipPort }) => ({
      ims: { command: fixture('sip-stub', '--port', sipPort) },
      supervisor: { imsHealthIntervalMs: 500, imsHealthAction: action },
    }));
    const [relay, ims] = await pidsOf(place);
    const stoppedAt = performance.now();
    process.kill(Number(ims), 'SIGSTOP');
    await launcher.waitForLine(eventLine('comp.unhealthy', 'ims'), PATIENCE_MS);
    if (action === 'report') {
      const misses = async (): Promise<number> => (await statusOf(place)).services.ims.health?.misses ?? 0;
      await waitFor('six misses', async () => (await misses()) >= 6, { timeoutMs: PATIENCE_MS, intervalMs: 100 });
      await assertSamePids(place, [relay, ims]);
      process.kill(Number(ims), 'SIGCONT');
      await launcher.waitForLine(eventLine('comp.recovered', 'ims'), PATIENCE_MS);
      await assertSamePids(place, [relay, ims]);
    } else {
      await launcher.waitForLine(eventLine('comp.hung', 'ims'), PATIENCE_MS);
      assert.ok(performance.now() - stoppedAt >= 30_000, 'not before 30 s');
      await launcher.waitForLine(readyAgain('ims', ims), PATIENCE_MS);
      assert.equal((await pidsOf(place))[0], relay);
    }
  });
}

test('a found relay on a port of its own is checked for nothing unless that was asked for', async (t) => {
  const scope = openScope(t);
  const place = { ...(await choosePlace(scope)), relayPort: await freeUdpPort() };
  Program.start(scope, { name: 'relay', command: fixture('rtpproxy-stub', '--port', place.relayPort) });
  await waitFor('the relay', () => askRelay(place.relayPort, 'V', 500).catch(() => undefined));
  await configure(place, { supervisor: { mediaCheckIntervalMs: 50, healthIntervalMs: 200 } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE, PATIENCE_MS);
  const answered = async (): Promise<boolean> =>
    ((await statusOf(place)).services.relay.health?.answeredAgoMs ?? Number.POSITIVE_INFINITY) < 200;
  await waitFor('answers on the control socket', answered);
  assert.equal((await statusOf(place)).services.relay.health?.media, null);
});
