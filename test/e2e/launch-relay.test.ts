/** No relay, one that is there already, one that must not be started, and others on its port. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { choosePlace, configure, eventLine, fixture, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { freeUdpPort } from '../support/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { askRelay } from '../support/rtpp.ts';
import { openRtppProxy } from '../support/rtpp-proxy.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

function startRelay(scope: Scope, place: LaunchPlace, controlPort = place.relayPort): Program {
  return Program.start(scope, {
    name: 'relay',
    command: [
      process.execPath,
      binary('ims-relay'),
      '-f',
      ...['-l', '127.0.0.1'],
      ...['-s', `udp:127.0.0.1:${controlPort}`],
      ...['-m', String(place.minPort)],
      ...['-M', String(place.maxPort)],
    ],
  });
}

/** Exit status of `ims-launch status`. */
async function statusOf(scope: Scope, place: LaunchPlace): Promise<number | null> {
  const command = [process.execPath, binary('ims-launch'), 'status', '--config', place.configPath] as const;
  return (await runProgram(scope, { command: [...command], env: { XDG_RUNTIME_DIR: place.directory } })).code;
}

function indexOfLine(program: Program, pattern: RegExp): number {
  const index = program.output.split('\n').findIndex((line) => pattern.test(line));
  assert.notEqual(index, -1, `no line like ${pattern}:\n${program.output}`);
  return index;
}

test('fault 1: nothing on the control port: probe, relay, its readiness, and only then the IMS', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { LOG_LEVEL: 'DEBUG' });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(eventLine('ims.spawn'));
  assert.equal(await askRelay(place.relayPort, 'V'), '20040107', 'the relay answers before the IMS is there');
  await launcher.waitForLine(eventLine('comp.ready', 'ims'));
  const order = [
    /"event":"relay.probe".*"reason":"absent"/,
    eventLine('relay.spawn'),
    eventLine('comp.ready', 'relay'),
    eventLine('ims.spawn'),
    eventLine('comp.ready', 'ims'),
  ].map((pattern) => indexOfLine(launcher, pattern));
  assert.deepEqual(
    order,
    [...order].sort((one, other) => one - other),
  );
});

test('fault 2: a relay that answers is used, named, and left running', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const relay = startRelay(scope, place);
  await relay.waitForLine(/relay ready/);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  await launcher.waitForLine(new RegExp(`^ {2}relay +.*found: .*process ${relay.pid} .*will not be stopped`));
  assert.doesNotMatch(launcher.output, eventLine('relay.spawn'));
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.match(launcher.output, eventLine('relay.left'));
  assert.ok(relay.running);
  assert.doesNotMatch(relay.output, /SIG|stopp/);
});

test('fault 12: a found relay that is killed is replaced by one of our own; the IMS stays', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const relay = startRelay(scope, place);
  await relay.waitForLine(/relay ready/);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const killedAt = performance.now();
  relay.signal('SIGKILL');
  await launcher.waitForLine(eventLine('comp.ready', 'relay'));
  const tookMs = Math.round(performance.now() - killedAt);
  assert.ok(tookMs < 6000, `ours was ready ${tookMs} ms later`);
  assert.ok(indexOfLine(launcher, eventLine('relay.lost')) < indexOfLine(launcher, eventLine('relay.spawn')));
  assert.doesNotMatch(launcher.output, eventLine('comp.exit', 'ims'));
  assert.equal(launcher.output.match(/"event":"ims.spawn"/g)?.length, 1);
});

test('fault 13: a found relay is killed and none may be started: degraded, until it is back', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { relay: { autoStart: false } });
  const relay = startRelay(scope, place);
  await relay.waitForLine(/relay ready/);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  assert.equal(await statusOf(scope, place), 0);
  relay.signal('SIGKILL');
  await launcher.waitForLine(eventLine('launch.degraded'));
  await launcher.waitForLine(eventLine('relay.absent'));
  assert.equal(await statusOf(scope, place), 1);
  await startRelay(scope, place).waitForLine(/relay ready/);
  await waitFor('the way back', async () => (await statusOf(scope, place)) === 0, { intervalMs: 200 });
  assert.doesNotMatch(launcher.output, /"event":"relay.spawn"|"event":"comp.exit","service":"ims"/);
});

test('fault 3: RTPPROXY_AUTO_START=0: no relay is started, the block and a warning say so, a later one is used', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place, { env: { RTPPROXY_AUTO_START: '0' } });
  await launcher.waitForLine(READY_LINE);
  await launcher.waitForLine(/^ {2}relay +.*does not answer \(RTPPROXY_AUTO_START=0: none is started\)/);
  assert.match(launcher.output, eventLine('relay.absent'));
  assert.equal(await statusOf(scope, place), 1);
  await startRelay(scope, place).waitForLine(/relay ready/);
  const startedAt = performance.now();
  await launcher.waitForLine(eventLine('relay.adopted'));
  await launcher.waitForLine(eventLine('launch.running'));
  const tookMs = Math.round(performance.now() - startedAt);
  assert.ok(tookMs < 9000, `it was used ${tookMs} ms after its start`);
  assert.equal(await statusOf(scope, place), 0);
  assert.doesNotMatch(launcher.output, eventLine('relay.spawn'));
});

test('fault 4: --require-relay, none comes and none is started: 69 after --relay-timeout, the IMS never ran', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { relay: { autoStart: false } });
  const launcher = startLauncher(scope, place, { args: ['--require-relay', '--relay-timeout', '2s'] });
  const startedAt = performance.now();
  assert.equal((await launcher.waitForExit()).code, 69);
  const tookMs = Math.round(performance.now() - startedAt);
  assert.ok(tookMs >= 2000 && tookMs < 9000, `it ended after ${tookMs} ms`);
  assert.match(launcher.output, /ims-launch: no relay answers, and one is required/);
  assert.doesNotMatch(launcher.output, /"event":"(?:relay|ims).spawn"/);
});

test('RTPPROXY_AUTO_START with another word is a configuration error: 78', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place, { env: { RTPPROXY_AUTO_START: 'maybe' } });
  assert.equal((await launcher.waitForExit()).code, 78);
  assert.match(launcher.output, /ims-launch: environment variable RTPPROXY_AUTO_START must be/);
});

for (const [what, answer] of [
  ['echoes', '--echo'],
  ['answers something else', 'HTTP/1.1 400 Bad Request'],
] as const) {
  test(`fault 5: a program that ${what} on the control port: 69 and its process id, and it is left alone`, async (t) => {
    const scope = openScope(t);
    const place = await choosePlace(scope);
    await configure(place);
    const holder = Program.start(scope, { name: 'holder', command: fixture('udp-holder', place.relayPort, answer) });
    await holder.waitForLine(/holding/);
    const launcher = startLauncher(scope, place);
    assert.equal((await launcher.waitForExit()).code, 69);
    assert.match(launcher.output, new RegExp(`ims-launch: process ${holder.pid} .*does not speak RTPP`));
    assert.doesNotMatch(launcher.output, /"event":"(?:relay|ims).spawn"/);
    assert.ok(holder.running);
  });
}

test('fault 6: a program that holds the control port in silence: asked for 5 s, then 69 and its process id', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const holder = Program.start(scope, { name: 'holder', command: fixture('udp-holder', place.relayPort) });
  await holder.waitForLine(/holding/);
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 69);
  assert.match(launcher.output, new RegExp(`ims-launch: process ${holder.pid} .*does not answer`));
  assert.doesNotMatch(launcher.output, /"event":"(?:relay|ims).spawn"/);
});

for (const [rule, fault] of [
  ['fault 7: a relay that answers only the third question is adopted', { lose: 2 }],
  ['fault 8: an answer to somebody else’s question comes first: ignored, and the relay adopted', { first: 'd34d 1\n' }],
] as const) {
  test(rule, async (t) => {
    const scope = openScope(t);
    const place = await choosePlace(scope);
    await configure(place);
    const behind = await freeUdpPort();
    await startRelay(scope, place, behind).waitForLine(/relay ready/);
    const proxy = await openRtppProxy(scope, { port: place.relayPort, relayPort: behind, ...fault });
    const launcher = startLauncher(scope, place);
    await launcher.waitForLine(READY_LINE);
    await launcher.waitForLine(new RegExp(`"event":"relay.adopted".*process ${process.pid} `));
    assert.doesNotMatch(launcher.output, eventLine('relay.spawn'));
    assert.ok(proxy.seen > 2);
  });
}

test('fault 9: two launchers start together with one control port: one relay, and the other launcher uses it', async (t) => {
  const scope = openScope(t);
  const [one, other] = [await choosePlace(scope), await choosePlace(scope)];
  const relay = { port: one.relayPort };
  await configure(one);
  await configure(other, { relay });
  const launchers = [startLauncher(scope, one), startLauncher(scope, other)];
  await Promise.all(launchers.map((launcher) => launcher.waitForLine(READY_LINE, 30_000)));
  const relays = launchers.flatMap((launcher) =>
    launcher.processes().filter(({ command }) => command.includes('ims-relay.js')),
  );
  assert.equal(relays.length, 1, 'one relay serves both');
  const adopted = launchers.filter((launcher) => eventLine('relay.adopted').test(launcher.output));
  assert.equal(adopted.length, 1, 'who did not start it found it');
  for (const { output } of launchers) {
    assert.doesNotMatch(output, /^ +at /m, 'no stack');
  }
});

test('the relay’s host may be a name', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { relay: { host: 'localhost' } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
});

test('relay.command: any daemon that speaks RTPP, and only if the answer is its own', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const { relayPort, minPort, maxPort } = place;
  const command = [process.execPath, binary('ims-relay'), '-f', '-l', '127.0.0.1', '-s', `udp:127.0.0.1:${relayPort}`];
  await configure(place, { relay: { command: [...command, '-m', String(minPort), '-M', String(maxPort)] } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  await launcher.waitForLine(/^ {2}relay +.*started: .*ims-relay/);
});

test('a relay that cannot start ends the run with 69 after three tries', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { relay: { command: fixture('sip-stub', '--exit', 1) } });
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 69);
  assert.equal(launcher.output.match(/"event":"relay.spawn"/g)?.length, 3);
  assert.doesNotMatch(launcher.output, eventLine('ims.spawn'));
});

test('a relay whose media address is not local answers, and grants no session: degraded, and the address is named', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { supervisor: { mediaCheckIntervalMs: 300 } });
  const command = fixture('rtpproxy-stub', '--port', place.relayPort, '-l', '203.0.113.7');
  const relay = Program.start(scope, { name: 'rtpproxy', command });
  await relay.waitForLine(/ready/);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const line = await launcher.waitForLine(new RegExp(`${eventLine('relay.media', 'relay').source}.*cannot serve`));
  assert.match(line, /E72: .*its media address, -l 203\.0\.113\.7, is not one of this host/);
  await launcher.waitForLine(/^ {2}warning +calls fail: media does not pass: .*E72.*-l 203\.0\.113\.7/);
  await launcher.waitForLine(eventLine('launch.degraded'));
  assert.doesNotMatch(launcher.output, eventLine('launch.running'));
  assert.equal(await statusOf(scope, place), 1);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.ok(relay.running, 'it is not ours to end');
});

test('a relay whose ports are all taken grants no session; once they are free, all is well again', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { supervisor: { mediaCheckIntervalMs: 300 } });
  const ports = [place.minPort, place.minPort + 1, place.minPort + 2, place.minPort + 3];
  const holders = ports.map((port) => createSocket('udp4').bind(port, '127.0.0.1'));
  await Promise.all(holders.map((holder) => once(holder, 'listening')));
  const release = (): void => holders.splice(0).forEach((holder) => void holder.close());
  scope.defer(release);
  const relay = startRelay(scope, { ...place, maxPort: place.minPort + 3 });
  await relay.waitForLine(/relay ready/);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(/the relay that was found answers commands, but cannot serve.*/);
  await launcher.waitForLine(READY_LINE);
  assert.equal(await statusOf(scope, place), 1);
  release();
  await launcher.waitForLine(eventLine('launch.running'), 30_000);
  assert.equal(await statusOf(scope, place), 0);
});
