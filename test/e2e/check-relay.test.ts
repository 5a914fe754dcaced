/** `ims-launch check`: what is wrong with the relay. Each test makes the fault, and where it can follows the advice. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { check, codesOf } from '../support/check.ts';
import { choosePlace, configure, eventLine, fixture, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { freePortRange } from '../support/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

async function configuredPlace(scope: Scope, keys: Readonly<Record<string, unknown>> = {}): Promise<LaunchPlace> {
  const place = await choosePlace(scope);
  await configure(place, keys);
  return place;
}

async function startStub(scope: Scope, place: LaunchPlace, ...args: string[]): Promise<Program> {
  const stub = Program.start(scope, {
    name: 'rtpproxy-stub',
    command: fixture('rtpproxy-stub', '--port', place.relayPort, ...args),
  });
  await stub.waitForLine(/rtpproxy-stub: ready/);
  return stub;
}

async function startHolder(scope: Scope, port: number, ...answer: string[]): Promise<Program> {
  const holder = Program.start(scope, { name: 'udp-holder', command: fixture('udp-holder', port, ...answer) });
  await holder.waitForLine(/holding/);
  return holder;
}

test('relay-not-running: connection refused, and the command that starts one', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const result = await check(scope, place);
  const { evidence, fix } = result.finding('relay-not-running');
  assert.equal(evidence, `no relay answers on udp 127.0.0.1:${place.relayPort}: connection refused`);
  assert.equal(fix, `node ${binary('ims-launch')} --config ${place.configPath}`);
  assert.equal(result.code, 1);
});

test('relay-not-running: beside an IMS that somebody started by hand, a relay alone is what it lacks', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const ims = Program.start(scope, { name: 'sip-stub', command: fixture('sip-stub', '--port', place.sipPort) });
  await ims.waitForLine(/sip-stub: listening/);
  const { fix } = (await check(scope, place)).finding('relay-not-running');
  const relay = Program.start(scope, { name: 'fix', command: ['sh', '-c', `${fix} wait`] });
  await relay.waitForLine(/relay ready/);
  const codes = codesOf(await check(scope, place));
  assert.ok(!codes.includes('relay-not-running'), codes.join());
});

test('relay-auto-start-off: names the variable that forbids a relay', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const result = await check(scope, place, { env: { RTPPROXY_AUTO_START: '0' } });
  const { evidence, fix } = result.finding('relay-auto-start-off');
  assert.match(evidence, /environment variable RTPPROXY_AUTO_START says so$/);
  assert.match(fix, /^unset RTPPROXY_AUTO_START; node .*ims-launch\.js --config /);
  assert.ok(!codesOf(result).includes('relay-not-running'));
});

test('relay-auto-start-off: of a launcher whose environment forbids a relay, asked from another shell; its fix brings one', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const env = { XDG_RUNTIME_DIR: place.directory };
  const launcher = startLauncher(scope, place, { env: { RTPPROXY_AUTO_START: '0', SERVER_IP: '203.0.113.9' } });
  await launcher.waitForLine(READY_LINE);
  const result = await check(scope, place);
  const { evidence, fix } = result.finding('relay-auto-start-off');
  assert.match(evidence, /environment variable RTPPROXY_AUTO_START says so$/);
  assert.ok(!codesOf(result).includes('relay-not-running'));
  assert.match(result.finding('nat-one-to-one').evidence, /203\.0\.113\.9/);
  const command = [process.execPath, binary('ims-launch'), 'restart', 'relay', '--config', place.configPath] as const;
  const refused = await runProgram(scope, { name: 'restart', command, env });
  assert.equal(refused.code, 1, refused.output);
  assert.match(refused.output, /no relay may be started: RTPPROXY_AUTO_START=0/);

  const fixed = Program.start(scope, { name: 'fix', command: ['sh', '-c', fix], env });
  await fixed.waitForLine(READY_LINE);
  await launcher.waitForExit();
  const codes = codesOf(await check(scope, place));
  assert.deepEqual(
    codes.filter((code) => /^relay-/.test(code)),
    [],
  );
});

test('relay-silent: a relay that was stopped by a signal is woken by the command given', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const stub = await startStub(scope, place);
  stub.signal('SIGSTOP');
  const { evidence, fix } = (await check(scope, place)).finding('relay-silent');
  assert.match(evidence, new RegExp(`held by process ${stub.pid} \\(.*rtpproxy-stub.*\\), stopped by a signal$`));
  assert.equal(fix, `kill -CONT ${stub.pid}`);
  execFileSync('sh', ['-c', fix]);
  const codes = codesOf(await check(scope, place));
  assert.deepEqual(
    codes.filter((code) => /^relay-/.test(code)),
    [],
  );
});

test('relay-silent: a program that takes commands and answers none', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const holder = await startHolder(scope, place.relayPort);
  const { fix } = (await check(scope, place)).finding('relay-silent');
  assert.equal(fix, `kill ${holder.pid}`);
});

test('relay-foreign: another protocol on the control port, and whose it is', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const holder = await startHolder(scope, place.relayPort, 'SIP/2.0 400 Bad Request');
  const { evidence, fix } = (await check(scope, place)).finding('relay-foreign');
  assert.match(evidence, new RegExp(`is no RTPP relay but process ${holder.pid} .*: "SIP/2\\.0 400 Bad Request`));
  assert.equal(fix, `kill ${holder.pid}`);
  execFileSync('sh', ['-c', fix]);
  await holder.waitForExit();
  assert.ok(codesOf(await check(scope, place)).includes('relay-not-running'));
});

test('relay-address-strange: a -l that is no address of this machine', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const stub = await startStub(scope, place, '-l', '203.0.113.9');
  const result = await check(scope, place);
  const { evidence, fix } = result.finding('relay-address-strange');
  assert.match(evidence, /opens media ports on 203\.0\.113\.9 \(-l\), which is no address of this machine: .*E72/);
  const words = `-F -l 127.0.0.1 -A 203.0.113.9 -s udp:127.0.0.1:${place.relayPort}`;
  const range = `-m ${place.minPort} -M ${place.maxPort}`;
  assert.equal(fix, `kill ${stub.pid}; node ${binary('ims-relay')} ${words} ${range} &`);
  assert.ok(!codesOf(result).includes('media-no-session'));
});

test('relays-two: two relays on the control port, on different addresses', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const stub = await startStub(scope, place);
  const first = freePortRange(8);
  const second = Program.start(scope, {
    name: 'ims-relay',
    command: [
      ...([process.execPath, binary('ims-relay'), '-f', '-F', '-l', '127.0.0.2'] as const),
      ...['-s', `udp:127.0.0.2:${place.relayPort}`, '-m', `${first}`, '-M', `${first + 7}`],
    ],
  });
  await second.waitForLine(/relay ready/);
  const { evidence, fix } = (await check(scope, place)).finding('relays-two');
  assert.match(evidence, new RegExp(`127\\.0\\.0\\.1 by process ${stub.pid} `));
  assert.match(evidence, new RegExp(`127\\.0\\.0\\.2 by process ${second.pid} `));
  assert.equal(fix, `kill ${second.pid}`);
});

test('relay-crash-loop: how often, how, and its last words', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope, {
    relay: { command: ['sh', '-c', 'echo no such codec module; exit 3'] },
    supervisor: { giveUp: 'never', restartDelaysMs: [50] },
  });
  const launcher = startLauncher(scope, place);
  const isEnd = eventLine('comp.exit', 'relay');
  await waitFor(
    'four ends of the relay',
    () => launcher.output.split('\n').filter((line) => isEnd.test(line)).length > 3,
  );
  const result = await check(scope, place);
  const { evidence, fix } = result.finding('relay-crash-loop');
  assert.match(
    evidence,
    /^the relay ended \d+ times in 5 minutes, at last with exit status 3, .*its last line: no such codec module$/,
  );
  assert.match(fix, /ims-launch\.js logs relay --config /);
  assert.ok(!codesOf(result).some((code) => code === 'relay-silent' || code === 'relay-not-running'));
});

test('relay-host-unresolved: relay.host is a name that nobody knows', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope, { relay: { host: 'no-such-relay.invalid' } });
  const { evidence, fix } = (await check(scope, place)).finding('relay-host-unresolved');
  assert.match(evidence, /no-such-relay\.invalid/);
  assert.equal(fix, 'getent hosts no-such-relay.invalid');
});

test('packets-dropped: what the kernel threw away while the relay did not read', async (t) => {
  const scope = openScope(t);
  const place = await configuredPlace(scope);
  const stub = await startStub(scope, place);
  stub.signal('SIGSTOP');
  const socket = createSocket('udp4');
  scope.defer(() => void socket.close());
  socket.connect(place.relayPort, '127.0.0.1');
  await once(socket, 'connect');
  const junk = Buffer.alloc(1400, 'x');
  // A default buffer holds some hundred of these.
  for (let sent = 0; sent < 8000; sent += 1) {
    await new Promise((resolve) => socket.send(junk, resolve));
  }
  stub.signal('SIGCONT');
  const { evidence, fix } = (await check(scope, place)).finding('packets-dropped');
  assert.match(
    evidence,
    new RegExp(`^the kernel dropped \\d+ datagrams that were meant for the relay \\(process ${stub.pid}\\)`),
  );
  assert.match(fix, /net\.core\.rmem_default=/);
});
