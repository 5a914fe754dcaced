/** Who stands still: a program of ours, or the supervisor itself; and clocks that lie. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { choosePlace, configure, eventLine, fieldOf, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { mediaChecksOf, pidsOf, statusOf } from '../support/launcher-status.ts';
import type { Program } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const PATIENCE_MS = 60_000;

/** Questions come fast, and a program of ours may be silent for 5 s. */
const SUPERVISOR = { healthIntervalMs: 500, mediaCheckIntervalMs: 300, heartbeatTimeoutMs: 5000 };

/** Any of these would mean that the supervisor blamed somebody else for its own sleep. */
const ILL = /"event":"(?:comp\.(?:unhealthy|hung|exit|backoff|late|snapshot)|relay\.media)"/;

/** Every program of the run loads test/fixtures/standstill.ts, which is told what to do by `variables`. */
async function startWithHook(
  t: TestContext,
  variables: Readonly<Record<string, string>>,
): Promise<{ readonly place: LaunchPlace; readonly launcher: Program }> {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { supervisor: SUPERVISOR });
  const hook = pathToFileURL(join(projectRoot, 'build', 'test', 'fixtures', 'standstill.js'));
  const env = { NODE_OPTIONS: `--import=${hook}`, ...variables };
  const launcher = startLauncher(scope, place, { env });
  await launcher.waitForLine(READY_LINE, PATIENCE_MS);
  return { place, launcher };
}

async function waitForChecks(place: LaunchPlace, more: number): Promise<void> {
  const before = await mediaChecksOf(place);
  await waitFor(`${more} more checks`, async () => (await mediaChecksOf(place)) >= before + more, {
    timeoutMs: PATIENCE_MS,
    intervalMs: 100,
  });
}

function count(launcher: Program, pattern: RegExp): number {
  return launcher.output.split('\n').filter((line) => pattern.test(line)).length;
}

// 12 s, which is more than twice what a heartbeat may be missing here; the reducer's test has the row's 30 s.
test('fault 70: the supervisor stands still: nobody is restarted, nobody is ill', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { supervisor: SUPERVISOR });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE, PATIENCE_MS);
  await waitForChecks(place, 2);
  const pids = await pidsOf(place);
  const stoppedAt = performance.now();
  launcher.signal('SIGSTOP');
  await waitFor('12 s', () => performance.now() - stoppedAt > 12_000, { timeoutMs: PATIENCE_MS, intervalMs: 100 });
  launcher.signal('SIGCONT');
  const slept = await launcher.waitForLine(eventLine('launch.slept'), PATIENCE_MS);
  assert.ok(Number(fieldOf(slept, 'durationMs')) > 10_000);
  await waitForChecks(place, 3);
  assert.deepEqual(await pidsOf(place), pids);
  assert.equal((await statusOf(place)).verdict, 'ready');
  assert.doesNotMatch(launcher.output, ILL);
});

test('fault 71: the supervisor’s loop was blocked for 3 s, three times: its samples do not count', async (t) => {
  const { place, launcher } = await startWithHook(t, { STANDSTILL_PROGRAM: 'ims-launch', STANDSTILL_MS: '3000' });
  const pids = await pidsOf(place);
  for (let round = 1; round <= 3; round++) {
    await waitForChecks(place, 1);
    launcher.signal('SIGWINCH');
    await waitFor('the end of the block', () => count(launcher, eventLine('launch.slept')) >= round, {
      timeoutMs: PATIENCE_MS,
    });
  }
  await waitForChecks(place, 2);
  const { verdict, services } = await statusOf(place);
  assert.equal(verdict, 'ready');
  assert.deepEqual([services.relay.health?.misses, services.relay.health?.media?.misses], [0, 0]);
  assert.deepEqual(await pidsOf(place), pids);
  assert.doesNotMatch(launcher.output, ILL);
});

test('fault 74: the clock on the wall is set by an hour, back and forth: no timer notices', async (t) => {
  for (const hours of [1, -1]) {
    await t.test(`${hours} h`, async (t) => {
      const { place, launcher } = await startWithHook(t, { STANDSTILL_CLOCK_MS: String(hours * 3_600_000) });
      const pids = await pidsOf(place);
      await waitForChecks(place, 1);
      for (const there of [true, false]) {
        for (const pid of [launcher.pid, ...pids]) {
          process.kill(Number(pid), 'SIGWINCH');
        }
        const told = there ? `off by ${hours * 3_600_000} ms` : 'off by 0 ms';
        await waitFor('three clocks', () => count(launcher, new RegExp(told)) === 3, { timeoutMs: PATIENCE_MS });
        await waitForChecks(place, 5);
        const { uptimeMs, services } = await statusOf(place);
        assert.ok(uptimeMs > 0 && uptimeMs < 600_000, `up for ${uptimeMs} ms`);
        assert.ok((services.relay.health?.media?.checkedAgoMs ?? -1) >= 0);
      }
      assert.deepEqual(await pidsOf(place), pids);
      assert.doesNotMatch(launcher.output, ILL);
      assert.doesNotMatch(launcher.output, eventLine('launch.slept'));
    });
  }
});

test('fault 75: a child of ours whose loop hangs: looked at from outside, killed, restarted', async (t) => {
  const { place, launcher } = await startWithHook(t, { STANDSTILL_PROGRAM: 'ims-server', STANDSTILL_MS: '20000' });
  const [relay, ims] = await pidsOf(place);
  process.kill(Number(ims), 'SIGWINCH');
  const hung = await launcher.waitForLine(eventLine('comp.hung', 'ims'), PATIENCE_MS);
  assert.equal(fieldOf(hung, 'reason'), 'its heartbeat is missing');
  const snapshot = await launcher.waitForLine(eventLine('comp.snapshot', 'ims'), PATIENCE_MS);
  assert.equal(fieldOf(snapshot, 'childPid'), ims);
  assert.match(String(fieldOf(snapshot, 'state')), /^[RS] /, 'busy, not stopped');
  assert.ok(Number(fieldOf(snapshot, 'cpuMs')) > 1000, 'it burns processor time');
  assert.match(JSON.stringify(fieldOf(snapshot, 'lines')), /IMS ready/);
  await launcher.waitForLine(eventLine('stop.kill', 'ims'), PATIENCE_MS);
  const end = await launcher.waitForLine(eventLine('comp.exit', 'ims'), PATIENCE_MS);
  assert.equal(fieldOf(end, 'signal'), 'SIGKILL', 'a blocked loop runs no handler of TERM');
  await launcher.waitForLine(
    new RegExp(`${eventLine('comp.ready', 'ims').source}.*"childPid":(?!${ims}\\b)`),
    PATIENCE_MS,
  );
  assert.equal((await pidsOf(place))[0], relay);
  assert.equal(count(launcher, eventLine('comp.hung')), 1);
});
