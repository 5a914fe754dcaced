/** A relay that is there already, one that must not be started, and others on its port. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePlace, configure, eventLine, fixture, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';

function startRelay(scope: Scope, place: LaunchPlace, name = 'relay'): Program {
  return Program.start(scope, {
    name,
    command: [
      process.execPath,
      binary('ims-relay'),
      '-f',
      ...['-l', '127.0.0.1'],
      ...['-s', `udp:127.0.0.1:${place.relayPort}`],
      ...['-m', String(place.minPort)],
      ...['-M', String(place.maxPort)],
    ],
  });
}

test('a relay that answers is used, named, and left running', async (t) => {
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

test('a found relay that goes away is replaced by one of our own', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { supervisor: { healthIntervalMs: 200 } });
  const relay = startRelay(scope, place);
  await relay.waitForLine(/relay ready/);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  relay.signal('SIGTERM');
  await launcher.waitForLine(eventLine('relay.lost'));
  await launcher.waitForLine(eventLine('comp.ready', 'relay'));
});

test('RTPPROXY_AUTO_START=0: no relay is started, the block and a warning say so, a later one is used', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place, { env: { RTPPROXY_AUTO_START: '0' } });
  await launcher.waitForLine(READY_LINE);
  await launcher.waitForLine(/^ {2}relay +.*does not answer \(RTPPROXY_AUTO_START=0: none is started\)/);
  assert.match(launcher.output, eventLine('relay.absent'));
  assert.doesNotMatch(launcher.output, eventLine('relay.spawn'));
  startRelay(scope, place);
  await launcher.waitForLine(eventLine('relay.adopted'));
  await launcher.waitForLine(eventLine('launch.running'));
});

test('RTPPROXY_AUTO_START with another word is a configuration error: 78', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place, { env: { RTPPROXY_AUTO_START: 'maybe' } });
  assert.equal((await launcher.waitForExit()).code, 78);
  assert.match(launcher.output, /ims-launch: environment variable RTPPROXY_AUTO_START must be/);
});

test('a program that answers something else on the control port: 69, and its process id', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const [file, ...args] = fixture('udp-holder', place.relayPort, 'HTTP/1.1 400 Bad Request');
  const holder = Program.start(scope, { name: 'holder', command: [file, ...args] });
  await holder.waitForLine(/holding/);
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 69);
  assert.match(launcher.output, new RegExp(`ims-launch: process ${holder.pid} .*does not speak RTPP`));
  assert.doesNotMatch(launcher.output, /"event":"(?:relay|ims).spawn"/);
  assert.ok(holder.running);
});

test('a program that holds the control port in silence: asked for 5 s, then 69 and its process id', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const holder = Program.start(scope, { name: 'holder', command: fixture('udp-holder', place.relayPort) });
  await holder.waitForLine(/holding/);
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 69);
  assert.match(launcher.output, new RegExp(`ims-launch: process ${holder.pid} .*does not answer`));
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
