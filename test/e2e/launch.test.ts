/** `ims-launch` from its start to its end, with the programs that ship. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { choosePlace, configure, eventLine, fieldOf, portsHeld, startLauncher } from '../support/launcher.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope } from '../support/scope.ts';
import { listeningTcpPorts } from '../support/survivors.ts';
import { READY_LINE } from '../support/system.ts';

test('start, ready, TERM: exit 0, no process and no port is left', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  assert.deepEqual(
    portsHeld(place)
      .filter((port) => port <= place.relayPort)
      .sort(),
    [place.sipPort, place.relayPort],
  );
  launcher.signal('SIGTERM');
  assert.deepEqual(await launcher.waitForExit(), { code: 0, signal: null });
  assert.deepEqual(portsHeld(place), []);
  assert.deepEqual(launcher.processes(), []);
  const { output } = launcher;
  assert.ok(output.search(eventLine('comp.exit', 'ims')) < output.search(eventLine('comp.exit', 'relay')), output);
});

test('Ctrl-C: the group gets SIGINT, the launcher stops in order and dies of SIGINT, as a shell expects', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signalGroup('SIGINT');
  assert.deepEqual(await launcher.waitForExit(), { code: null, signal: 'SIGINT' });
  assert.deepEqual(portsHeld(place), []);
});

test('the block says where SIP listens, what is advertised and why, the ports, the relay, the plane, how to register', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place, { env: { SERVER_IP: '127.0.0.1' } });
  await launcher.waitForLine(/^ {2}stop /);
  for (const row of [
    new RegExp(`^ {2}SIP .*${place.sipPort}`),
    /^ {2}advertised +127\.0\.0\.1 .*SERVER_IP/,
    new RegExp(`^ {2}media +UDP ${place.minPort}-${place.maxPort} on 127\\.0\\.0\\.1`),
    new RegExp(`^ {2}relay +udp 127\\.0\\.0\\.1:${place.relayPort} .*started: ims-relay .*pid [0-9]+`),
    /^ {2}plane +\S+ +\(.+\)/,
    new RegExp(`^ {2}phone +server 127\\.0\\.0\\.1:${place.sipPort}, UDP, user 1001`),
    /^ {2}warning +the password of 1001, 1002, 1003 is published/,
  ]) {
    await launcher.waitForLine(row);
  }
});

test('the relay is killed: the launcher says so, has another within 2 s, and verify passes again', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const relayPid = fieldOf(await launcher.waitForLine(eventLine('relay.spawn')), 'childPid') as number;
  const killedAt = performance.now();
  process.kill(relayPid, 'SIGKILL');
  await launcher.waitForLine(/"event":"comp.exit","service":"relay".*"signal":"SIGKILL"/);
  await launcher.waitForLine(new RegExp(`"comp.ready","service":"relay","childPid":(?!${relayPid}\\b)`));
  const tookMs = performance.now() - killedAt;
  assert.ok(tookMs < 2000, `the new relay was ready after ${Math.round(tookMs)} ms`);
  assert.doesNotMatch(launcher.output, eventLine('comp.exit', 'ims'));
  const verify = await runProgram(scope, {
    name: 'verify',
    command: [process.execPath, binary('ims-launch'), 'verify', '--target', `udp:127.0.0.1:${place.relayPort}`],
  });
  assert.equal(verify.code, 0, verify.output);
});

test('SIGKILL to the launcher: relay and IMS end with their IPC channel', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGKILL');
  // The scope looks for survivors afterwards.
  assert.equal((await launcher.waitForExit()).signal, 'SIGKILL');
});

test('npm and npx die of TERM without passing it on: the launcher sees it and stops in order', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const npm = Program.start(scope, {
    name: 'npm',
    command: ['sh', '-c', '"$0" "$@" & wait', process.execPath, binary('ims-launch'), '--config', place.configPath],
    cwd: place.directory,
    env: { npm_command: 'exec' },
  });
  await npm.waitForLine(READY_LINE);
  npm.signal('SIGTERM');
  await npm.waitForLine(eventLine('launcher.gone'));
  // The output is closed by the last of them.
  await npm.waitForExit();
  assert.match(npm.output, eventLine('stop.done'));
  assert.deepEqual(portsHeld(place), []);
});

test('fault 48: HUP without a terminal reads the configuration again, and nobody is restarted', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const before = launcher.processes();
  launcher.signal('SIGHUP');
  await configure(place, { LOG_LEVEL: 'DEBUG' });
  launcher.signal('SIGHUP');
  await launcher.waitForLine(eventLine('reload.applied'));
  assert.deepEqual(launcher.processes(), before);
  assert.doesNotMatch(launcher.output, /"event":"(?:stop\.begin|comp\.exit)"/);
});

test('fault 100: SIGUSR1 shows the state, and neither we nor the IMS listens for a debugger', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGUSR1');
  const line = await launcher.waitForLine(eventLine('launch.status'));
  assert.match(String(fieldOf(line, 'reason')), /running: relay ready, IMS ready/);
  process.kill(Number(fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'ims')), 'childPid')), 'SIGUSR1');
  // An absence has no event: Node opens its inspector within some 10 ms.
  await delay(500);
  const others = listeningTcpPorts(launcher.processes()).filter((port) => port !== place.sipPort);
  assert.deepEqual(others, []);
  assert.doesNotMatch(launcher.output, /Debugger listening/);
});

test('usage errors end with 64 and one sentence', async (t) => {
  const scope = openScope(t);
  for (const [index, [args, sentence]] of (
    [
      [['--nonsense'], /^ims-launch: unknown option '--nonsense'/],
      [['stat'], /^ims-launch: unknown command "stat"/],
    ] as const
  ).entries()) {
    const { code, output } = await runProgram(scope, {
      name: `usage-${index}`,
      command: [process.execPath, binary('ims-launch'), ...args],
    });
    assert.equal(code, 64, output);
    assert.match(output, sentence);
    assert.equal(output.split('\n').length, 2, output);
  }
});
