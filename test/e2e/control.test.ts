/** The operator's verbs, the lock and the control socket, with the program as it ships. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { SystemStatus } from '../../src/control/status.ts';
import { choosePlace, configure, eventLine, fixture, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

interface Run {
  readonly scope: Scope;
  readonly place: LaunchPlace;
  readonly launcher: Program;
}

/** Sockets of this test's own. */
function environment(place: LaunchPlace): Record<string, string> {
  return { XDG_RUNTIME_DIR: place.directory };
}

async function start(t: Parameters<typeof openScope>[0], keys = {}, args: string[] = []): Promise<Run> {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, keys);
  return { scope, place, launcher: startLauncher(scope, place, { env: environment(place), args }) };
}

/** One of our commands, from a directory that has nothing to do with it. */
function command({ scope, place }: Pick<Run, 'scope' | 'place'>, ...words: string[]) {
  const argv = [process.execPath, binary('ims-launch'), ...words, '--config', place.configPath] as const;
  return runProgram(scope, { name: words[0] ?? '', command: [...argv], cwd: '/', env: environment(place) }, 30_000);
}

async function statusOf(run: Run): Promise<SystemStatus> {
  return JSON.parse((await command(run, 'status', '--json')).output) as SystemStatus;
}

function socketOf(place: LaunchPlace): string {
  const directory = join(place.directory, 'ims-launch');
  const [name] = readdirSync(directory).filter((entry) => entry.endsWith('.sock'));
  return join(directory, name ?? 'no socket');
}

test('faults 98, 99: not running, starting, ready, degraded: exit statuses of status, health and wait', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const run = { scope, place };
  assert.equal((await command(run, 'status')).code, 3);
  assert.equal((await command(run, 'health')).code, 1);
  const missing = await command(run, 'stop');
  assert.equal(missing.code, 3);
  assert.match(missing.output, /no ims-launch runs with/);
  const waiting = command(run, 'wait', '--for', 'ready', '--timeout', '20');
  const launcher = startLauncher(scope, place, { env: environment(place) });
  assert.equal((await waiting).code, 0);
  await launcher.waitForLine(READY_LINE);
  const status = await command(run, 'status');
  assert.equal(status.code, 0, status.output);
  assert.match(status.output, /^relay +ready +\d+/m);
  assert.match(status.output, /^ims +ready +\d+/m);
  assert.equal((await command(run, 'health')).code, 0);
  assert.equal((await command(run, 'stop')).code, 0);
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.equal((await command(run, 'status')).code, 3);
});

test('faults 98, 99: an IMS that never gets ready: status 2, health 1, wait ends in time and at give-up', async (t) => {
  const run = await start(t, { ims: { command: fixture('sip-stub', '--port', 9, '--deaf') } });
  await run.launcher.waitForLine(eventLine('ims.spawn'));
  assert.equal((await command(run, 'status')).code, 2);
  assert.equal((await command(run, 'health')).code, 1);
  const late = await command(run, 'wait', '--timeout', '0.2');
  assert.equal(late.code, 2, late.output);
  assert.match(late.output, /ims starting/);
  const waiting = command(run, 'wait', '--timeout', '20');
  await waitFor('the waiting command', () => true);
  assert.equal((await command(run, 'kill')).code, 0);
  assert.notEqual((await waiting).code, 0);
  assert.equal((await run.launcher.waitForExit()).code, 0);
});

test('faults 98, 99: an IMS that crashes again and again: status 2 while it waits, and wait ends when it is given up', async (t) => {
  const run = await start(t, {
    ims: { command: fixture('sip-stub', '--exit', 3) },
    supervisor: { restartDelaysMs: [5000], bootAttempts: 2 },
  });
  await run.launcher.waitForLine(eventLine('comp.backoff', 'ims'));
  const waiting = command(run, 'wait', '--for', 'ready', '--timeout', '60');
  const status = await command(run, 'status');
  assert.equal(status.code, 2, status.output);
  assert.match(status.output, /^ims +backoff/m);
  assert.equal((await command(run, 'health')).code, 1);
  assert.notEqual((await waiting).code, 0);
  assert.equal((await run.launcher.waitForExit()).code, 3);
  assert.equal((await command(run, 'status')).code, 3);
});

test('fault 98: an IMS that does not answer any more: status 1; a launcher that does not answer: 4', async (t) => {
  const run = await start(t, { supervisor: { imsHealthIntervalMs: 200 } });
  await run.launcher.waitForLine(READY_LINE);
  const ims = (await statusOf(run)).services.ims.pid as number;
  process.kill(ims, 'SIGSTOP');
  await run.launcher.waitForLine(eventLine('comp.unhealthy', 'ims'), 30_000);
  assert.equal((await command(run, 'status')).code, 1);
  assert.equal((await command(run, 'health')).code, 1);
  process.kill(ims, 'SIGCONT');
  process.kill(run.launcher.pid, 'SIGSTOP');
  try {
    assert.equal((await command(run, 'status')).code, 4);
    assert.equal((await command(run, 'health')).code, 1);
  } finally {
    process.kill(run.launcher.pid, 'SIGCONT');
  }
});

test('fault 97: a follower that reads nothing is let go, and holds up nobody', async (t) => {
  const run = await start(t, { ims: { command: ['sh', '-c', 'exec yes "$(printf %01000d 0)"'] } });
  await run.launcher.waitForLine(eventLine('ims.spawn'));
  const follower = connect(socketOf(run.place));
  run.scope.defer(() => void follower.destroy());
  let letGo = false;
  follower.on('error', () => {
    letGo = true;
  });
  follower.pause();
  follower.write('{"verb":"logs","follow":true}\n');
  // Who does not read learns of the end by writing.
  await waitFor(
    'the end of its connection',
    () => {
      follower.write('\n');
      return letGo;
    },
    { timeoutMs: 30_000 },
  );
  assert.equal((await command(run, 'status')).code, 2);
  run.launcher.signal('SIGTERM');
  assert.equal((await run.launcher.waitForExit()).code, 0);
});

test('fault 98: no relay, and none started from here: status 1', async (t) => {
  const run = await start(t, { relay: { autoStart: false } });
  await run.launcher.waitForLine(READY_LINE);
  assert.equal((await command(run, 'status')).code, 1);
});

test('fault 10: a second launcher with the same configuration ends with 75 and names the first', async (t) => {
  const run = await start(t);
  await run.launcher.waitForLine(READY_LINE);
  const second = startLauncher(run.scope, run.place, { env: environment(run.place) });
  assert.equal((await second.waitForExit()).code, 75);
  assert.match(second.output, new RegExp(`process ${run.launcher.pid}\\b`));
  assert.equal((await command(run, 'health')).code, 0);
});

test('fault 14: the socket of a killed launcher is replaced', async (t) => {
  const run = await start(t);
  await run.launcher.waitForLine(READY_LINE);
  const left = socketOf(run.place);
  run.launcher.signal('SIGKILL');
  await run.launcher.waitForExit();
  await waitFor('the end of its children', () => run.launcher.processes().length === 0);
  assert.equal(socketOf(run.place), left);
  assert.equal((await command(run, 'status')).code, 3);
  const next = startLauncher(run.scope, run.place, { env: environment(run.place) });
  await next.waitForLine(READY_LINE);
  assert.equal((await command(run, 'health')).code, 0);
});

test('a control socket that somebody removed is made again, directory and all', async (t) => {
  const run = await start(t);
  await run.launcher.waitForLine(READY_LINE);
  const path = socketOf(run.place);
  rmSync(dirname(path), { recursive: true });
  await run.launcher.waitForLine(eventLine('control.renewed'), 30_000);
  assert.equal((await command(run, 'status')).code, 0);
  run.launcher.signal('SIGTERM');
  assert.equal((await run.launcher.waitForExit()).code, 0);
  assert.equal(existsSync(path), false);
});

test('a directory in the place of the control socket costs the commands, and nothing else', async (t) => {
  const run = await start(t);
  await run.launcher.waitForLine(READY_LINE);
  const path = socketOf(run.place);
  assert.equal((await command(run, 'stop')).code, 0);
  await run.launcher.waitForExit();
  mkdirSync(path);
  const again = startLauncher(run.scope, run.place, { env: environment(run.place) });
  await again.waitForLine(eventLine('control.absent'));
  await again.waitForLine(READY_LINE);
  assert.equal((await command(run, 'status')).code, 3);
  again.signal('SIGTERM');
  assert.equal((await again.waitForExit()).code, 0);
});

test('fault 15: --pidfile: a stale one is replaced, ours is removed at the end', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const pidFile = join(place.directory, 'pid');
  const argv = [binary('ims-launch'), '--config', place.configPath, '--pidfile', pidFile];
  // A living stranger, a process that is gone (ids end at 2^22), and, as in a container, ourselves.
  for (const holder of [`${process.pid}`, '4194305', '$$']) {
    const script = 'echo $HOLDER > $PID_FILE; [ "$HOLDER" != "\\$\\$" ] || echo $$ > $PID_FILE; exec "$@"';
    const launcher = Program.start(scope, {
      name: 'ims-launch',
      command: ['sh', '-c', script, 'sh', process.execPath, ...argv],
      cwd: place.directory,
      env: { ...environment(place), HOLDER: holder, PID_FILE: pidFile },
    });
    await launcher.waitForLine(READY_LINE);
    assert.match(readFileSync(pidFile, 'utf8'), new RegExp(`^${launcher.pid} \\d+\\n$`));
    launcher.signal('SIGTERM');
    assert.equal((await launcher.waitForExit()).code, 0);
    assert.throws(() => readFileSync(pidFile));
  }
});

test('fault 32: twenty restarts of the IMS at once are one, and the relay goes on', async (t) => {
  const run = await start(t);
  await run.launcher.waitForLine(READY_LINE);
  const before = await statusOf(run);
  const socket = connect(socketOf(run.place));
  run.scope.defer(() => void socket.destroy());
  let answers = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answers += chunk;
  });
  socket.write('{"verb":"restart","service":"ims"}\n'.repeat(20));
  await waitFor('twenty answers', () => answers.split('\n').length === 21);
  assert.equal(answers.match(/"restarting"/g)?.length, 1);
  assert.equal((await command(run, 'wait', '--timeout', '20')).code, 0);
  const after = await statusOf(run);
  assert.equal(after.services.ims.restarts, 1);
  assert.notEqual(after.services.ims.pid, before.services.ims.pid);
  assert.equal(after.services.relay.pid, before.services.relay.pid);
  assert.equal((await command(run, 'restart', 'relay')).code, 0);
  assert.notEqual((await statusOf(run)).services.relay.pid, before.services.relay.pid);
  assert.doesNotMatch(run.launcher.output, eventLine('comp.backoff'));
});

test('fault 97: garbage, a line of 10 MB and 100 idle clients do not disturb supervision', async (t) => {
  const run = await start(t);
  await run.launcher.waitForLine(READY_LINE);
  for (let count = 0; count < 102; count++) {
    const socket = connect(socketOf(run.place));
    run.scope.defer(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write(
      count === 0 ? 'x'.repeat(10 * 1024 * 1024) : count === 1 ? '\u0000garbage\n'.repeat(1000) : '{"verb":',
    );
  }
  assert.equal((await command(run, 'health')).code, 0);
  assert.doesNotMatch(run.launcher.output, eventLine('comp.unhealthy'));
  run.launcher.signal('SIGTERM');
  assert.equal((await run.launcher.waitForExit()).code, 0);
});

test('events, logs and reload, without a password', async (t) => {
  const run = await start(t, { USERS: { 1001: 'sEcReT-pass' } });
  await run.launcher.waitForLine(READY_LINE);
  const events = await command(run, 'events');
  assert.match(events.output, / relay\.spawn .*service=relay/);
  assert.match(events.output, / launch\.running /);
  const logs = await command(run, 'logs', 'ims', '--json');
  assert.match(logs.output, /"service":"ims".*IMS ready/);
  assert.doesNotMatch(logs.output, /"service":"relay"/);
  assert.match((await command(run, 'reload')).output, /nothing changed/);
  writeFileSync(run.place.configPath, '{');
  assert.equal((await command(run, 'reload')).code, 1);
  // The file does not serve any more; what runs with it can be asked all the same.
  const status = await command(run, 'status', '--json');
  assert.equal(status.code, 0, status.output);
  assert.doesNotMatch(events.output + logs.output + status.output + run.launcher.output, /sEcReT/);
});

test('events --follow ends with the launcher; drain stops a system without calls', async (t) => {
  const run = await start(t);
  await run.launcher.waitForLine(READY_LINE);
  const argv = [
    process.execPath,
    binary('ims-launch'),
    'events',
    '--follow',
    '--config',
    run.place.configPath,
  ] as const;
  const tail = Program.start(run.scope, { name: 'events', command: [...argv], env: environment(run.place) });
  await tail.waitForLine(/ launch\.running /);
  assert.equal((await command(run, 'drain', '--max', '20')).code, 0);
  assert.equal((await run.launcher.waitForExit()).code, 0);
  await tail.waitForLine(/ drain\.done /);
  assert.equal((await tail.waitForExit()).code, 0);
});
