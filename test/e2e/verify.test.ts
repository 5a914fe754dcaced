/** `ims-launch verify`, as shipped: against the shipped relay, and against relays with one fault each. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openFaultyRelay, type RelayFault } from '../fixtures/faulty-relay.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { activeSessions, askRelay } from '../support/rtpp.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

interface Verified {
  readonly code: number | null;
  readonly output: string;
}

async function verify(scope: Scope, ...args: string[]): Promise<Verified> {
  const program = Program.start(scope, {
    command: [process.execPath, binary('ims-launch'), 'verify', ...args],
    name: 'verify',
  });
  const { code } = await program.exited;
  return { code, output: program.output };
}

async function startRelay(scope: Scope, ...args: string[]): Promise<number> {
  const port = await freeUdpPort();
  const first = freePortRange(40);
  const command: [string, ...string[]] = [
    process.execPath,
    binary('ims-relay'),
    '-f',
    '-F',
    '-s',
    `udp:127.0.0.1:${port}`,
  ];
  Program.start(scope, { command: [...command, '-m', `${first}`, '-M', `${first + 39}`, ...args], name: 'ims-relay' });
  await waitFor('the relay', () => askRelay(port, 'V').catch(() => undefined));
  return port;
}

async function faulty(t: TestContext, fault: RelayFault): Promise<string> {
  const relay = await openFaultyRelay(fault);
  t.after(() => relay.close());
  return `udp:127.0.0.1:${relay.port}`;
}

test('the shipped relay: four directions, a table, exit status 0, no session left', async (t) => {
  const scope = openScope(t);
  const port = await startRelay(scope, '-l', '127.0.0.1');
  const { code, output } = await verify(scope, '--target', `udp:127.0.0.1:${port}`);
  assert.equal(code, 0, output);
  for (const row of ['caller → callee RTP ', 'callee → caller RTP ', 'caller → callee RTCP', 'callee → caller RTCP']) {
    assert.match(output, new RegExp(`^${row} +\\d+ +\\d+ +0 +\\d+\\.\\d\\d ms +\\d+\\.\\d\\d ms +ok$`, 'm'));
  }
  assert.match(output, /^relay {3}udp 127\.0\.0\.1:\d+ {2}\(RTPP 20040107, .*ims-relay\.js/m);
  assert.match(output, /^RTP and RTCP pass both ways\.$/m);
  assert.match(await askRelay(port, 'I'), /^active sessions: 0$/m);
});

test('the shipped relay behind a 1:1 NAT: it binds here, advertises elsewhere, and passes', async (t) => {
  const scope = openScope(t);
  const port = await startRelay(scope, '-l', '127.0.0.1', '-A', '203.0.113.9');
  const { code, output } = await verify(scope, '--target', `udp:127.0.0.1:${port}`, '--count', '10');
  assert.equal(code, 0, output);
  assert.match(output, /^advertised 203\.0\.113\.9 +not tried: not an address of this host/m);
});

test('the shipped relay bound to all addresses', async (t) => {
  const scope = openScope(t);
  const port = await startRelay(scope, '-l', '0.0.0.0');
  const { code, output } = await verify(scope, '--target', `udp:127.0.0.1:${port}`, '--count', '10');
  assert.equal(code, 0, output);
});

test('the shipped relay over IPv6', async (t) => {
  const scope = openScope(t);
  const port = await startRelay(scope, '-6', '::1');
  const { code, output } = await verify(scope, '--target', `udp:127.0.0.1:${port}`, '--count', '10', '-6');
  assert.equal(code, 0, output);
  assert.match(output, /caller → \[::1\]:\d+/);
});

test('--json prints one object and nothing else on standard output', async (t) => {
  const args = [binary('ims-launch'), 'verify', '--json', '--target', await faulty(t, 'none')];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const report = JSON.parse(stdout);
  assert.equal(report.ok, true);
  assert.equal(report.directions.length, 4);
  assert.equal(report.directions[0].received, 50);
});

test('each fault ends in exit status 1 and a sentence that names it', async (t) => {
  const scope = openScope(t);
  const expected: [RelayFault, RegExp][] = [
    ['drops-rtcp', /^ims-launch: RTP passes but RTCP does not/m],
    ['one-way', /^ims-launch: RTP from callee to caller does not pass: none of 10/m],
    ['alters-payload', /^ims-launch: RTP from caller to callee is altered/m],
    ['wrong-source', /^ims-launch: RTP from caller to callee arrives from port/m],
    ['no-ports', /^ims-launch: the relay grants no port for the offer: it answers E72/m],
  ];
  for (const [fault, sentence] of expected) {
    const { code, output } = await verify(scope, '--target', await faulty(t, fault), '-n', '10');
    assert.equal(code, 1, fault);
    assert.match(output, sentence);
  }
});

test('no relay at all: connection refused, and what to do', async (t) => {
  const scope = openScope(t);
  const port = await freeUdpPort();
  const { code, output } = await verify(scope, '--target', `udp:127.0.0.1:${port}`);
  assert.equal(code, 1);
  assert.equal(
    output,
    `ims-launch: no relay answers on udp 127.0.0.1:${port}: connection refused\n` +
      'Start one with "ims-launch", or name the control socket of another with --target (udp:HOST:PORT, unix:PATH, …).',
  );
});

test('a stranger on the port is named with its process', async (t) => {
  const scope = openScope(t);
  const stranger = createSocket('udp4');
  scope.defer(() => void stranger.close());
  stranger.on('message', (_bytes, from) => stranger.send('SIP/2.0 400 Bad Request\r\n', from.port, from.address));
  stranger.bind(0, '127.0.0.1');
  await once(stranger, 'listening');
  const { port } = stranger.address();
  const { code, output } = await verify(scope, '--target', `udp:127.0.0.1:${port}`);
  assert.equal(code, 1);
  assert.match(output, new RegExp(`^ims-launch: what answers on .*is no RTPP relay but process ${process.pid} `, 'm'));
});

test('the shipped relay over unix, cunix and tcp sockets: asked, measured, no session left', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const [oneShot, lines, tcpPort] = [join(directory, 'one.sock'), join(directory, 'lines.sock'), await freeUdpPort()];
  const more = [`unix:${oneShot}`, `cunix:${lines}`, `tcp:127.0.0.1:${tcpPort}`];
  const port = await startRelay(scope, '-l', '127.0.0.1', ...more.flatMap((control) => ['-s', control]));
  for (const target of more) {
    const { code, output } = await verify(scope, '--target', target, '--count', '10');
    assert.equal(code, 0, output);
    assert.ok(output.startsWith(`relay   ${target}  (RTPP 20040107, `), output);
  }
  assert.equal(await activeSessions(port), 0);
  const { code, output } = await verify(scope, '--target', `unix:${directory}/none.sock`);
  assert.equal(code, 1);
  assert.match(output, /no relay answers on unix:.*none\.sock: connection refused/);
});

test('a target or a count that is none is a usage error', async (t) => {
  const scope = openScope(t);
  for (const args of [
    ['--target', '127.0.0.1:7722'],
    ['--target', 'udp:host'],
    ['--count', '0'],
    ['--count', 'ten'],
  ]) {
    const { code, output } = await verify(scope, ...args);
    assert.equal(code, 64, output);
    assert.match(output, /^ims-launch: /);
  }
});
