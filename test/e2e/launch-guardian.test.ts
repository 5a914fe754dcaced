/** `ims-launch` is killed, or its children flee: nothing is left, at once or at the next start. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  choosePlace,
  configure,
  eventLine,
  fieldOf,
  fixture,
  type LaunchPlace,
  portsHeld,
  startLauncher,
} from '../support/launcher.ts';
import type { Program } from '../support/program.ts';
import { activeSessions, askRelay } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';
import type { RunningProcess } from '../support/survivors.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const GUARDIAN = /ims-launch-guardian/;

function stub(place: LaunchPlace, ...flags: string[]): Record<string, unknown> {
  return { ims: { command: fixture('sip-stub', '--port', place.sipPort, ...flags) } };
}

function guardianOf(launcher: Program): number {
  const guardian = launcher.processes().find(({ command }) => GUARDIAN.test(command));
  assert.ok(guardian !== undefined, 'a guardian runs beside the system');
  return guardian.pid;
}

test('fault 49: kill -9: both groups are gone within 1.5 s, a foreign and stubborn IMS too; the next start is clean', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, stub(place, '--ignore-term', '--grandchild', '--escapee'));
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  assert.equal(launcher.processes().length, 6, 'launcher, guardian, relay, IMS and its two children');
  const killedAt = performance.now();
  launcher.signal('SIGKILL');
  await waitFor('nobody left', () => launcher.processes().length === 0);
  const tookMs = Math.round(performance.now() - killedAt);
  assert.ok(tookMs < 1500, `everything was gone after ${tookMs} ms`);
  assert.deepEqual(portsHeld(place), []);

  const next = startLauncher(scope, place);
  await next.waitForLine(READY_LINE);
  assert.doesNotMatch(next.output, eventLine('launch.reclaim'));
});

test('fault 50: kill -9 for the guardian as well: the next start reclaims what was left', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, stub(place, '--ignore-term', '--escapee'));
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const guardian = guardianOf(launcher);
  launcher.signal('SIGSTOP');
  process.kill(guardian, 'SIGKILL');
  launcher.signal('SIGKILL');
  await waitFor('the relay’s own end', () => launcher.processes().length === 2);
  assert.deepEqual(portsHeld(place), [place.sipPort], 'the IMS goes on');

  const next = startLauncher(scope, place);
  await next.waitForLine(READY_LINE);
  assert.equal(fieldOf(await next.waitForLine(eventLine('launch.reclaim')), 'count'), 2);
  assert.deepEqual(launcher.processes(), []);
});

test('a guardian that dies is replaced with a warning; the new one guards as well', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, stub(place));
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  process.kill(guardianOf(launcher), 'SIGKILL');
  const line = await launcher.waitForLine(eventLine('guardian.lost'));
  assert.equal(fieldOf(line, 'level'), 40);
  await waitFor('another guardian', () => launcher.processes().some(({ command }) => GUARDIAN.test(command)));
  launcher.signal('SIGKILL');
  await waitFor('nobody left', () => launcher.processes().length === 0);
});

test('fault 40: a grandchild in a session of its own is swept at the end of the teardown', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, stub(place, '--escapee'));
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.equal(fieldOf(await launcher.waitForLine(eventLine('stop.sweep')), 'count'), 1);
  await waitFor('nobody left', () => launcher.processes().length === 0);
  assert.deepEqual(await readdir(join(place.directory, 'data', 'runs')), [], 'a clean end leaves no record');
});

test('fault 42: an IMS that forks every 20 ms while it is stopped: nothing is left', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ...stub(place, '--breed'), supervisor: { stopBudgetMs: 3000 } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  await launcher.waitForLine(eventLine('stop.sweep'));
  await waitFor('nobody left', () => launcher.processes().length === 0);
});

test('onSupervisorDeath leave: a relay with calls goes on and is used by the next start; the rest is reclaimed', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { supervisor: { onSupervisorDeath: 'leave' } });
  const first = startLauncher(scope, place);
  await first.waitForLine(READY_LINE);
  const relayPid = fieldOf(await first.waitForLine(eventLine('relay.spawn')), 'childPid');
  assert.ok(!first.processes().some(({ command }) => GUARDIAN.test(command)), 'no guardian');
  await askRelay(place.relayPort, 'U call-1 127.0.0.1 4000 tag-1');
  first.signal('SIGKILL');
  const heartbeats = await outliveHeartbeat(first);
  assert.equal(heartbeats.length, 2, 'relay and IMS go on');

  const next = startLauncher(scope, place);
  await next.waitForLine(READY_LINE);
  await next.waitForLine(eventLine('relay.adopted'));
  assert.equal(await activeSessions(place.relayPort), 1, 'the call has kept its session');
  assert.deepEqual(
    first.processes().map(({ pid }) => pid),
    [relayPid],
  );
  next.signal('SIGTERM');
  await next.waitForExit();

  await askRelay(place.relayPort, 'D call-1 tag-1');
  const last = startLauncher(scope, place);
  await last.waitForLine(READY_LINE);
  assert.deepEqual(first.processes(), [], 'a relay without calls is replaced');
});

/** The children's next heartbeat meets a closed channel: they must bear it. */
async function outliveHeartbeat(launcher: Program): Promise<RunningProcess[]> {
  await waitFor('the launcher’s end', () => !launcher.processes().some(({ pid }) => pid === launcher.pid));
  const until = performance.now() + 2500;
  await waitFor('a heartbeat', () => performance.now() > until);
  return launcher.processes();
}

test('fault 63: without ps, sh and setpriv in PATH the system starts and stops', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place, { env: { PATH: place.directory } });
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
});
