/** Any command as the IMS, and the ways in which it can disappoint. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
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
import { Program } from '../support/program.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';

function stub(place: LaunchPlace, ...args: readonly (string | number)[]): [string, ...string[]] {
  return fixture('sip-stub', '--port', place.sipPort, ...args);
}

test('any command is an IMS that answers OPTIONS; it has the address and the relay in its environment', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const script = [
    'echo "addr=$SERVER_IP relay=$RTPPROXY_UDP_HOST:$RTPPROXY_UDP_PORT auto=$RTPPROXY_AUTO_START extra=$EXTRA in=$PWD"',
    'echo "npm=$npm_command backend=$MEDIA_RELAY_BACKEND"',
    `exec ${stub(place).join(' ')}`,
  ].join('; ');
  await mkdir(join(place.directory, 'ims'));
  const ims = { command: ['sh', '-c', script], cwd: join(place.directory, 'ims'), env: { EXTRA: 'yes' } };
  await configure(place, { ims });
  const launcher = startLauncher(scope, place, { env: { npm_command: 'start', IMS_LAUNCH_PARENT_WATCH: '0' } });
  await launcher.waitForLine(READY_LINE);
  await launcher.waitForLine(
    new RegExp(`addr=127.0.0.1 relay=127.0.0.1:${place.relayPort} auto=0 extra=yes in=${place.directory}/ims`),
  );
  await launcher.waitForLine(/npm= backend=rtpproxy/);
});

test('the SIP port is taken: 69 with the process that has it, and nothing was started', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const holder = Program.start(scope, { name: 'holder', command: fixture('udp-holder', place.sipPort) });
  await holder.waitForLine(/holding/);
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 69);
  assert.match(launcher.output, new RegExp(`ims-launch: SIP port ${place.sipPort} .*process ${holder.pid} `));
  assert.doesNotMatch(launcher.output, /\.spawn"/);
});

test('fault 16: no such command: 127; not executable, or a directory: 126; to be run in no directory: 78', async (t) => {
  const notExecutable = join(await temporaryDirectory(openScope(t)), 'plain-file');
  await writeFile(notExecutable, 'no program', { mode: 0o644 });
  for (const [ims, status, sentence] of [
    [
      { command: ['no-such-ims-anywhere'] },
      127,
      /cannot start the IMS: no-such-ims-anywhere: there is no such command/,
    ],
    [{ command: [notExecutable] }, 126, /cannot start the IMS: .*plain-file: it is not executable/],
    [{ command: ['/'] }, 126, /cannot start the IMS: \/: it is not executable/],
    [{ command: ['true'], cwd: '/no/such/directory' }, 78, /its working directory \/no\/such\/directory/],
  ] as const) {
    await t.test(`${ims.command}: exit ${status}`, async (t) => {
      const scope = openScope(t);
      const place = await choosePlace(scope);
      await configure(place, { ims });
      const launcher = startLauncher(scope, place);
      assert.equal((await launcher.waitForExit()).code, status, launcher.output);
      assert.match(launcher.output, sentence);
      assert.deepEqual(portsHeld(place), [], 'the relay is gone');
      assert.doesNotMatch(launcher.output, eventLine('comp.backoff'), 'no second try');
    });
  }
});

test('an IMS that never comes up ends the run with its own status after three tries', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: stub(place, '--exit', 3) } });
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 3, launcher.output);
  assert.equal(launcher.output.match(/"event":"ims.spawn"/g)?.length, 3);
  assert.match(launcher.output, /sip-stub: cannot go on/);
  assert.match(
    launcher.output,
    /ims-launch: the IMS did not become ready in 3 tries; the last one ended with status 3/,
  );
  assert.deepEqual(portsHeld(place), []);
});

test('fault 23: status 78 of the IMS is not retried', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: stub(place, '--exit', 78) } });
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 78);
  assert.equal(launcher.output.match(/"event":"ims.spawn"/g)?.length, 1);
});

test('an IMS that answers nothing is not ready: it is stopped after its start timeout', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, {
    ims: { command: stub(place, '--deaf'), startTimeoutMs: 500 },
    supervisor: { stopBudgetMs: 2000 },
  });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(eventLine('comp.late', 'ims'));
  assert.notEqual((await launcher.waitForExit()).code, 0);
  assert.doesNotMatch(launcher.output, READY_LINE);
});

test('a stubborn IMS is killed within the budget, and the exit status is still 0', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, {
    ims: { command: stub(place, '--ignore-term', '--grandchild') },
    supervisor: { stopBudgetMs: 2000 },
  });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const askedAt = performance.now();
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.ok(performance.now() - askedAt < 2600, 'the whole teardown keeps its budget');
  assert.match(launcher.output, eventLine('stop.kill', 'ims'));
  assert.equal(launcher.output.match(/ignoring SIGTERM/g)?.length, 2, 'one TERM a process');
});

test('a second Ctrl-C kills everything at once: 130', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: stub(place, '--ignore-term') } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGINT');
  await launcher.waitForLine(/ignoring SIGTERM/);
  // The first signal's echo is forgiven for 300 ms.
  const forcedAt = performance.now();
  const again = setInterval(() => launcher.running && launcher.signal('SIGINT'), 100);
  t.after(() => clearInterval(again));
  assert.deepEqual(await launcher.waitForExit(), { code: null, signal: 'SIGINT' });
  assert.ok(performance.now() - forcedAt < 1500);
});

test('fault 17: a command that goes into the background is named, and found and killed: 78', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: stub(place, '--daemonise') } });
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 78);
  assert.match(launcher.output, /ims-launch: the IMS went into the background/);
  assert.match(launcher.output, /kamailio -DD -E/);
  assert.match(launcher.output, eventLine('stop.sweep'));
});

test('what a child prints is a line of the log, without control sequences', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const script = `printf '\\033[31mred\\033[0m \\007bell\\n' >&2; exec ${stub(place).join(' ')}`;
  await configure(place, { ims: { command: ['sh', '-c', script] } });
  const launcher = startLauncher(scope, place);
  const line = await launcher.waitForLine(/"msg":"red bell"/);
  assert.deepEqual([fieldOf(line, 'part'), fieldOf(line, 'stream')], ['ims', 'stderr']);
});

test('a configuration that is broken: 78 with file, line and column; a missing --config: 78', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const missing = startLauncher(scope, place);
  assert.equal((await missing.waitForExit()).code, 78);
  assert.match(missing.output, /ims-launch: cannot read the configuration file/);
  await writeFile(place.configPath, '{\n  "SERVER_PORT": 5060,\n}\n');
  const broken = startLauncher(scope, place);
  assert.equal((await broken.waitForExit()).code, 78);
  assert.match(broken.output, /config\.json:3:1 is not JSON/);
});

test('the configuration changes: the log level is taken live, what holds for the run is named, a broken file changes nothing', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  await writeFile(place.configPath, '{');
  await launcher.waitForLine(eventLine('reload.rejected'));
  await configure(place, { LOG_LEVEL: 'DEBUG', supervisor: { pidFile: join(place.directory, 'pid') } });
  await launcher.waitForLine(/"event":"reload.applied","key":\["LOG_LEVEL"\]/);
  await launcher.waitForLine(/"event":"reload.pending","key":\["supervisor.pidFile"\]/);
});
