/** What dies is started again, what cannot live ends the run; and a stop goes before both. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
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
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { activeSessions, askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

interface Run {
  readonly scope: Scope;
  readonly place: LaunchPlace;
  readonly launcher: Program;
}

async function start(
  t: Parameters<typeof openScope>[0],
  keys: (place: LaunchPlace) => Record<string, unknown> = () => ({}),
): Promise<Run> {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, keys(place));
  return { scope, place, launcher: startLauncher(scope, place) };
}

function stub(place: LaunchPlace, ...args: readonly (string | number)[]) {
  return { ims: { command: fixture('sip-stub', '--port', place.sipPort, ...args) } };
}

function linesLike(launcher: Program, pattern: RegExp): string[] {
  return launcher.output.split('\n').filter((line) => pattern.test(line));
}

/** The process of the `nth` line (from 1) that says so of a service. */
async function pidIn(launcher: Program, pattern: RegExp, nth = 1): Promise<number> {
  const line = await waitFor(`line ${nth} like ${pattern}`, () => linesLike(launcher, pattern)[nth - 1]);
  return fieldOf(line, 'childPid') as number;
}

const SPAWNED = { relay: eventLine('relay.spawn'), ims: eventLine('ims.spawn') } as const;

/** `+` for each process that was started, `-` for each that ended, in the order of the log. */
function lives(launcher: Program, service: 'relay' | 'ims'): string {
  return launcher.output
    .split('\n')
    .map((line) => (SPAWNED[service].test(line) ? '+' : eventLine('comp.exit', service).test(line) ? '-' : ''))
    .join('');
}

test('fault 21: the IMS is killed: another one, while the relay and its session stay', async (t) => {
  const { place, launcher } = await start(t);
  await launcher.waitForLine(READY_LINE);
  const pid = await pidIn(launcher, SPAWNED.ims);
  await askRelay(place.relayPort, 'U call-1 127.0.0.1 4000 tag-1');
  process.kill(pid, 'SIGKILL');
  assert.notEqual(await pidIn(launcher, eventLine('comp.ready', 'ims'), 2), pid);
  assert.equal(await activeSessions(place.relayPort), 1);
  assert.equal(lives(launcher, 'relay'), '+');
  assert.equal(lives(launcher, 'ims'), '+-+');
});

test('fault 22: an IMS that was ready and ends with 0 has failed, and is started again', async (t) => {
  const { launcher } = await start(t, (place) => stub(place, '--usr2', 0));
  await launcher.waitForLine(READY_LINE);
  process.kill(await pidIn(launcher, SPAWNED.ims), 'SIGUSR2');
  const end = await launcher.waitForLine(eventLine('comp.exit', 'ims'));
  assert.equal(fieldOf(end, 'exitCode'), 0);
  const wait = await launcher.waitForLine(eventLine('comp.backoff', 'ims'));
  assert.equal(fieldOf(wait, 'attempt'), 1, 'it counts as a failure');
  await pidIn(launcher, eventLine('comp.ready', 'ims'), 2);
});

test('fault 24: an IMS that ends with 1 at once, always: three tries, its status, and the relay is gone', async (t) => {
  const { place, launcher } = await start(t, (place) => stub(place, '--exit', 1));
  assert.equal((await launcher.waitForExit()).code, 1);
  assert.equal(lives(launcher, 'ims'), '+-+-+-');
  assert.match(
    launcher.output,
    /ims-launch: the IMS did not become ready in 3 tries; the last one ended with status 1/,
  );
  assert.equal(lives(launcher, 'relay'), '+-');
  assert.deepEqual(portsHeld(place), []);
});

test('fault 28: an IMS that always ends by SIGSEGV: recorded as the signal, 139 in the end', async (t) => {
  const { launcher } = await start(t, () => ({ ims: { command: ['sh', '-c', 'ulimit -c 0; kill -SEGV $$'] } }));
  assert.equal((await launcher.waitForExit()).code, 139);
  const ends = linesLike(launcher, eventLine('comp.exit', 'ims'));
  assert.deepEqual(
    ends.map((line) => [fieldOf(line, 'signal'), fieldOf(line, 'exitCode')]),
    Array.from({ length: 3 }, () => ['SIGSEGV', undefined]),
  );
});

test('fault 29: a relay that binds and never answers: stopped after its time-out, counted, 69', async (t) => {
  // The time-out of 10 s itself is kept in virtual time: test/unit/supervisor/restart.test.ts.
  const { place, launcher } = await start(t, ({ relayPort }) => ({
    relay: { command: fixture('udp-holder', relayPort), startTimeoutMs: 1000 },
  }));
  assert.equal((await launcher.waitForExit(30_000)).code, 69);
  assert.equal(linesLike(launcher, eventLine('comp.late', 'relay')).length, 3);
  assert.equal(lives(launcher, 'relay'), '+-+-+-');
  assert.equal(lives(launcher, 'ims'), '');
  assert.match(
    launcher.output,
    /ims-launch: the relay did not become ready in 3 tries; the last one was not ready in time/,
  );
  assert.deepEqual(portsHeld(place), []);
});

test('fault 30: a stop during a backoff is over at once, and nothing is started any more', async (t) => {
  const { launcher } = await start(t, (place) => ({ ...stub(place, '--exit', 1), relay: { autoStart: false } }));
  // The second wait is half a second: there is time for a signal.
  await waitFor('the second backoff', () => linesLike(launcher, eventLine('comp.backoff', 'ims')).length === 2);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  const done = await launcher.waitForLine(eventLine('stop.done'));
  const tookMs = fieldOf(done, 'durationMs') as number;
  assert.ok(tookMs < 600, `it took ${tookMs} ms`);
  assert.equal(lives(launcher, 'ims'), '+-+-');
});

test('fault 31: a stop while the IMS waits for the relay: it is never started, and the status is 0', async (t) => {
  const { launcher } = await start(t, ({ relayPort }) => ({ relay: { command: fixture('udp-holder', relayPort) } }));
  await launcher.waitForLine(/"msg":"holding"/);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.equal(lives(launcher, 'relay'), '+-');
  assert.equal(lives(launcher, 'ims'), '');
});

test('fault 34: relay and IMS are killed together: the relay comes first, the IMS when it is ready', async (t) => {
  const { launcher } = await start(t);
  await launcher.waitForLine(READY_LINE);
  const both = [await pidIn(launcher, SPAWNED.relay), await pidIn(launcher, SPAWNED.ims)];
  for (const pid of both) {
    process.kill(pid, 'SIGKILL');
  }
  await pidIn(launcher, eventLine('comp.ready', 'ims'), 2);
  const events = linesLike(launcher, /"event":"(?:relay\.spawn|ims\.spawn|comp\.ready|comp\.exit)"/)
    .slice(-6)
    .map((line) => `${fieldOf(line, 'event')} ${fieldOf(line, 'service')}`);
  assert.deepEqual(events.slice(0, 2).sort(), ['comp.exit ims', 'comp.exit relay']);
  assert.deepEqual(events.slice(2), ['relay.spawn relay', 'comp.ready relay', 'ims.spawn ims', 'comp.ready ims']);
});

test('fault 35: the relay is killed, and three times again while it starts: one at a time, then it serves', async (t) => {
  const { launcher } = await start(t);
  await launcher.waitForLine(READY_LINE);
  for (let nth = 1; nth <= 4; nth++) {
    process.kill(await pidIn(launcher, SPAWNED.relay, nth), 'SIGKILL');
  }
  await pidIn(launcher, eventLine('comp.ready', 'relay'), 2);
  assert.equal(lives(launcher, 'relay'), '+-+-+-+-+');
  assert.equal(lives(launcher, 'ims'), '+');
  const backoffs = linesLike(launcher, eventLine('comp.backoff', 'relay'));
  assert.deepEqual(
    backoffs.map((line) => fieldOf(line, 'attempt')),
    [1, 2, 3, 4],
  );
  for (const [index, nominalMs] of [250, 500, 1000, 2000].entries()) {
    const delayMs = fieldOf(backoffs[index] ?? '', 'delayMs') as number;
    assert.ok(Math.abs(delayMs - nominalMs) <= nominalMs * 0.25, `wait ${index + 1} is ${delayMs} ms`);
  }
});

test('fault 18: an environment of 200 KB cannot be passed (E2BIG): said in a sentence, not tried again', async (t) => {
  const { launcher } = await start(t, () => ({ ims: { command: ['true'], env: { HUGE: 'x'.repeat(200_000) } } }));
  assert.equal((await launcher.waitForExit()).code, 126);
  assert.match(launcher.output, /ims-launch: cannot start the IMS: true: its arguments and environment are too long/);
  assert.doesNotMatch(launcher.output, eventLine('comp.backoff'));
});

test('fault 18: no process may be made (EAGAIN): tried again until one may; the launcher and the relay go on', async (t) => {
  if (!peersPresent(t, 'prlimit')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, stub(place));
  // The limit counts the processes of a user, and does not bind root: another user, whom nobody else is.
  const user = 600_000 + (process.pid % 100_000);
  const isRoot = process.getuid?.() === 0;
  const [file, ...args] = isRoot
    ? ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups']
    : (['env'] as const);
  if (isRoot) {
    chownSync(place.directory, user, user);
  }
  const launcher = Program.start(scope, {
    name: 'ims-launch',
    command: [file, ...args, process.execPath, binary('ims-launch'), '--config', place.configPath],
    cwd: place.directory,
    env: { XDG_RUNTIME_DIR: place.directory },
  });
  await launcher.waitForLine(READY_LINE);
  const limitTo = (processes: number): void => {
    const { status } = spawnSync(file, [...args, 'prlimit', `--pid=${launcher.pid}`, `--nproc=${processes}:`]);
    assert.equal(status, 0, 'the soft limit can be set');
  };
  limitTo(1);
  process.kill(await pidIn(launcher, SPAWNED.ims), 'SIGKILL');
  const failed = /"event":"comp.spawn-failed","service":"ims","reason":".*EAGAIN/;
  await waitFor('a second failure', () => linesLike(launcher, failed).length >= 2);
  limitTo(1000);
  await pidIn(launcher, eventLine('comp.ready', 'ims'), 2);
  // One wait after the kill, and one after each spawn that failed.
  const waits = linesLike(launcher, eventLine('comp.backoff', 'ims')).length;
  assert.equal(waits, 1 + linesLike(launcher, failed).length);
  assert.equal(lives(launcher, 'relay'), '+');
  assert.doesNotMatch(launcher.output, eventLine('launch.crash'));
});
