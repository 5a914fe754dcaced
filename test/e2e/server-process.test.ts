/** The shipped ims-server as a process: how it stops with a call up, what its supervisor hears, how it fails to start. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ChildMessage } from '../../src/observe/ipc.ts';
import { hashSecret } from '../../src/sip/auth/digest.ts';
import type { CallDetailRecord } from '../../src/store/call-detail-record.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { activeSessions, relayAnswers } from '../support/rtpp.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { waitFor, within } from '../support/wait.ts';

interface Setting {
  readonly directory: string;
  readonly config: string;
  readonly sipPort: number;
  readonly relayPort: number;
  /** The first of a hundred media ports. */
  readonly minPort: number;
}

async function settle(scope: Scope, extra: Record<string, unknown> = {}): Promise<Setting> {
  const directory = await temporaryDirectory(scope);
  // From one block, so that none of them lies among the media ports.
  const sipPort = freePortRange(104);
  const [relayPort, minPort] = [sipPort + 2, sipPort + 4];
  const config = join(directory, 'config.json');
  const settings = {
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: sipPort,
    dataDir: directory,
    relay: { port: relayPort, minPort, maxPort: minPort + 99 },
    ims: { trustedPeers: ['127.0.0.1'] },
    ...extra,
  };
  await writeFile(config, JSON.stringify(settings));
  return { directory, config, sipPort, relayPort, minPort };
}

async function startRelay(scope: Scope, { relayPort, minPort }: Setting): Promise<void> {
  const ports = ['-m', String(minPort), '-M', String(minPort + 99)];
  Program.start(scope, {
    name: 'ims-relay',
    command: [
      process.execPath,
      binary('ims-relay'),
      '-f',
      '-F',
      '-l',
      '127.0.0.1',
      '-s',
      `udp:127.0.0.1:${relayPort}`,
      ...ports,
    ],
  });
  await waitFor('the relay', () => relayAnswers(relayPort));
}

async function startServer(scope: Scope, { config, directory }: Setting): Promise<Program> {
  const server = Program.start(scope, {
    name: 'ims-server',
    command: [process.execPath, binary('ims-server'), '--config', config],
    cwd: directory,
  });
  await server.waitForLine(/IMS ready/);
  return server;
}

/** A call that has been answered and acknowledged. */
async function callUp(scope: Scope, setting: Setting): Promise<{ caller: SipPeer; callee: SipPeer }> {
  const [caller, callee] = [await SipPeer.open(scope, setting.sipPort), await SipPeer.open(scope, setting.sipPort)];
  await callee.register('1002');
  const dialog = 'From: <sip:trunk@127.0.0.1>;tag=caller\nCall-ID: the call';
  caller.send(
    `INVITE sip:1002@127.0.0.1 SIP/2.0\n${dialog.replace('the call', 'call-1')}\nTo: <sip:1002@127.0.0.1>\nCSeq: 1 INVITE`,
    caller.sdp,
  );
  const invite = await callee.request('INVITE');
  callee.answer(invite, 180);
  await caller.response(180);
  callee.answer(invite, 200, callee.sdp);
  const ok = await caller.response(200);
  caller.send(
    `ACK sip:1002@127.0.0.1:${setting.sipPort} SIP/2.0\n${dialog.replace('the call', 'call-1')}\nTo: ${ok.headers.get('To')}\nCSeq: 1 ACK`,
  );
  await callee.request('ACK');
  return { caller, callee };
}

async function records({ directory }: Setting): Promise<CallDetailRecord[]> {
  const files = await readdir(join(directory, 'cdr')).catch(() => []);
  const texts = await Promise.all(files.map((file) => readFile(join(directory, 'cdr', file), 'utf8')));
  return texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as CallDetailRecord);
}

test('SIGTERM with a call up: BYE to both sides, session deleted, record written, exit 0', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope);
  await startRelay(scope, setting);
  const server = await startServer(scope, setting);
  const { caller, callee } = await callUp(scope, setting);
  assert.equal(await activeSessions(setting.relayPort), 1);
  process.kill(server.pid, 'SIGTERM');
  for (const peer of [caller, callee]) {
    const bye = await peer.request('BYE');
    peer.answer(bye, 200);
  }
  assert.deepEqual(await within('the end of the server', 12_000, server.exited), { code: 0, signal: null });
  assert.equal(await activeSessions(setting.relayPort), 0);
  const [record, ...others] = await records(setting);
  assert.equal(others.length, 0);
  assert.ok(record);
  assert.equal(record.event, 'call');
  assert.equal(record.callId, 'call-1');
  assert.equal(record.endedBy, 'server');
  assert.equal(record.status, 200);
  assert.equal(record.caller.address, `127.0.0.1:${caller.port}`);
  assert.equal(record.callee.address, `127.0.0.1:${callee.port}`);
  assert.equal(record.relayPorts?.caller.length, 1);
  assert.ok(
    (record.invitedAt ?? '') <= (record.ringingAt ?? '') && (record.ringingAt ?? '') <= (record.answeredAt ?? ''),
  );
});

test('peers that do not answer the BYE do not keep the server from stopping', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope);
  await startRelay(scope, setting);
  const server = await startServer(scope, setting);
  await callUp(scope, setting);
  process.kill(server.pid, 'SIGINT');
  assert.equal((await within('the end of the server', 12_000, server.exited)).code, 0);
});

test('CDR_MERGE_MODE=false: a line at invite, answer and end, with one id', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope, { CDR_MERGE_MODE: false });
  await startRelay(scope, setting);
  const server = await startServer(scope, setting);
  await callUp(scope, setting);
  await waitFor('the answer line', async () => (await records(setting)).some(({ event }) => event === 'answer'));
  process.kill(server.pid, 'SIGTERM');
  await server.exited;
  const lines = await records(setting);
  assert.deepEqual(
    lines.map(({ event }) => event),
    ['invite', 'answer', 'end'],
  );
  assert.equal(new Set(lines.map(({ id }) => id)).size, 1);
});

/** The server as a child with an IPC channel. */
function forkServer(scope: Scope, { config, directory }: Setting): { child: ChildProcess; messages: ChildMessage[] } {
  const child = fork(binary('ims-server'), ['--config', config], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // What this test file was started with is not for the server.
    execArgv: [],
  });
  const messages: ChildMessage[] = [];
  child.on('message', (message) => messages.push(message as ChildMessage));
  scope.defer(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  return { child, messages };
}

test('a supervisor hears `ready` and heartbeats, and ends the server by `shutdown`', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope);
  const { child, messages } = forkServer(scope, setting);
  const ready = await waitFor('ready', () => messages.find(({ kind }) => kind === 'ready'), { timeoutMs: 30_000 });
  assert.ok(ready.kind === 'ready' && ready.part === 'ims' && 'listen' in ready.details);
  assert.ok(ready.details.listen.includes(`udp 0.0.0.0:${setting.sipPort}`));
  assert.equal(ready.details.users, 3);
  const heartbeat = await waitFor('a heartbeat', () => messages.find(({ kind }) => kind === 'heartbeat'));
  assert.ok(heartbeat.kind === 'heartbeat' && heartbeat.sessions === 0 && heartbeat.loopLagMs >= 0);
  child.send({ kind: 'shutdown', drain: false });
  assert.deepEqual(await within('the end', 12_000, once(child, 'exit')), [0, null]);
});

test('a supervisor that vanishes takes the server with it', async (t) => {
  const scope = openScope(t);
  const { child, messages } = forkServer(scope, await settle(scope));
  await waitFor('ready', () => messages.find(({ kind }) => kind === 'ready'), { timeoutMs: 30_000 });
  child.disconnect();
  assert.deepEqual(await within('the end', 12_000, once(child, 'exit')), [0, null]);
});

test('a SIP port that is taken: exit 69, named with its holder, and the supervisor is told', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope);
  const holder = createSocket('udp4');
  scope.defer(() => void holder.close());
  holder.bind(setting.sipPort, '0.0.0.0');
  await once(holder, 'listening');
  const { child, messages } = forkServer(scope, setting);
  assert.deepEqual(await within('the end', 5000, once(child, 'exit')), [69, null]);
  const failed = messages.find(({ kind }) => kind === 'failed');
  assert.ok(failed?.kind === 'failed');
  assert.equal(failed.code, 'IMS_ERR_PORT_IN_USE');
  assert.match(failed.message, new RegExp(`:${setting.sipPort} .*${process.pid}`));
});

const faults: readonly (readonly [what: string, args: readonly string[], code: number, output: RegExp])[] = [
  ['an unknown flag', ['--nonsense'], 64, /unknown option '--nonsense'/],
  ['a port that is none', ['--sip-port', 'abc'], 78, /SERVER_PORT|--sip-port/],
  ['a missing file', ['--config', '/nonexistent/config.json'], 78, /\/nonexistent\/config\.json/],
];

for (const [what, args, code, output] of faults) {
  test(`${what}: exit ${code} and one sentence`, async (t) => {
    const scope = openScope(t);
    const result = await runProgram(scope, { command: [process.execPath, binary('ims-server'), ...args] });
    assert.equal(result.code, code, result.output);
    assert.match(result.output, output);
    assert.doesNotMatch(result.output, /\n\s+at /);
  });
}

test('kill -9: a phone that registered before it is called after it; a user that is gone is not', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope, { USERS: { 1002: '1234', 1003: '1234' } });
  await startRelay(scope, setting);
  const server = await startServer(scope, setting);
  const callee = await SipPeer.open(scope, setting.sipPort);
  await (await SipPeer.open(scope, setting.sipPort)).register('1003');
  // Through a proxy in front of it, which is itself.
  const path = `<sip:127.0.0.1:${callee.port};lr>`;
  await callee.register('1002', `Path: ${path}`);
  const file = join(setting.directory, 'registrations.jsonl');
  await waitFor('both in the file', async () => {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text.includes('"1002"') && text.includes('"1003"');
  });
  process.kill(server.pid, 'SIGKILL');
  await server.exited;

  const settings = JSON.parse(await readFile(setting.config, 'utf8')) as Record<string, unknown>;
  await writeFile(setting.config, JSON.stringify({ ...settings, USERS: { 1002: '1234' } }));
  await startServer(scope, setting);
  const caller = await SipPeer.open(scope, setting.sipPort);
  const invite = (user: string): void => {
    const dialog = `From: <sip:trunk@127.0.0.1>;tag=caller\nCall-ID: call-to-${user}`;
    caller.send(
      `INVITE sip:${user}@127.0.0.1 SIP/2.0\n${dialog}\nTo: <sip:${user}@127.0.0.1>\nCSeq: 1 INVITE`,
      caller.sdp,
    );
  };
  invite('1003');
  await caller.response(404);
  invite('1002');
  const called = await callee.request('INVITE');
  assert.equal(called.headers.get('Route'), path);
  callee.answer(called, 486);
  await caller.response(486);
});

test('kill -9 with a call up that cannot go on: the next run writes its record, once, with the end that was seen last', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope);
  await startRelay(scope, setting);
  const server = await startServer(scope, setting);
  await callUp(scope, setting);
  const file = join(setting.directory, 'open-calls.jsonl');
  await waitFor('the answered call in the file', async () => {
    return (await readFile(file, 'utf8').catch(() => '')).includes('"answeredAt"');
  });
  assert.deepEqual(await records(setting), []);
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  // Its dialogs are lost as well.
  await rm(join(setting.directory, 'calls.jsonl'), { force: true });
  // As if the kill had come between the record of another call and the note that it has ended.
  const line = (await readFile(file, 'utf8')).split('\n').find((text) => text.includes('"answeredAt"')) ?? '';
  const other = line.replaceAll(/("(?:key|id)"):"[^"]*"/g, '$1:"recorded"');
  await appendFile(file, `${other}\n`);
  const day = new Date().toISOString().slice(0, 10);
  await mkdir(join(setting.directory, 'cdr'));
  await writeFile(join(setting.directory, 'cdr', `${day}.jsonl`), '{"event":"call","id":"recorded"}\n');

  const second = await startServer(scope, setting);
  const [record, ...others] = await waitFor('the record', async () => {
    const all = (await records(setting)).filter(({ id }) => id !== 'recorded');
    return all.length > 0 ? all : undefined;
  });
  assert.deepEqual(others, []);
  assert.deepEqual([record?.callId, record?.endedBy, record?.reason], ['call-1', 'server', 'server-lost']);
  assert.ok((record?.answeredAt ?? '') <= (record?.endedAt ?? ''));
  assert.ok((record?.durationSeconds ?? -1) >= 0 && (record?.durationSeconds ?? 100) < 60);
  process.kill(second.pid, 'SIGTERM');
  await second.exited;
  await startServer(scope, setting);
  assert.equal((await records(setting)).length, 2);
});

test('H(A1) in place of a password, and SHA-512-256 before MD5: a phone that knows both registers', async (t) => {
  const scope = openScope(t);
  const secret = (['SHA-512-256', 'MD5'] as const)
    .map((algorithm) => `ha1:${algorithm}:${hashSecret(algorithm, '1002', 'ims-launch', '1234')}`)
    .join(' ');
  const ims = { algorithms: ['SHA-512-256', 'MD5'] };
  const setting = await settle(scope, { USERS: { 1002: secret }, ims });
  await startServer(scope, setting);
  const phone = await SipPeer.open(scope, setting.sipPort);
  await phone.register('1002');

  await writeFile(setting.config, JSON.stringify({ USERS: { 1002: 'ha1:MD5:1234' } }));
  const { code, output } = await runProgram(scope, {
    name: 'ims-server',
    command: [process.execPath, binary('ims-server'), '--config', setting.config],
  });
  assert.equal(code, 78);
  assert.match(output, /begins with "ha1:"/);
  assert.ok(!output.includes('ha1:MD5:1234'), 'no secret in a message');
});

test('an address beside the first one: who asks there is answered from there, and from the others as well', async (t) => {
  const scope = openScope(t);
  const setting = await settle(scope, { SERVER_ADDR: '127.0.0.75' });
  await startServer(scope, setting);
  for (const address of ['127.0.0.75', '127.0.0.1', '127.0.0.76']) {
    const socket = createSocket('udp4');
    scope.defer(() => void socket.close());
    const answered = new Promise<{ address: string; port: number }>((resolve) => {
      socket.on('message', (_, { address: from, port }) => resolve({ address: from, port }));
    });
    const text = `OPTIONS sip:${address} SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK${address}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:${address}>\r\nCall-ID: c${address}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`;
    socket.send(text, setting.sipPort, address);
    const { address: from, port } = await within(`an answer from ${address}`, 15_000, answered);
    assert.equal(port, setting.sipPort);
    // Any other one is answered from the address that the system chooses.
    assert.equal(from, address === '127.0.0.75' ? address : '127.0.0.1');
  }

  // Sharing the port with itself, it still does not share it with others, also not with those who would.
  const holder = createSocket({ type: 'udp4', reuseAddr: true });
  scope.defer(() => void holder.close());
  holder.bind(await freeUdpPort(), '0.0.0.0');
  await once(holder, 'listening');
  const settings = JSON.parse(await readFile(setting.config, 'utf8')) as Record<string, unknown>;
  await writeFile(setting.config, JSON.stringify({ ...settings, SERVER_PORT: holder.address().port }));
  const { code, output } = await runProgram(scope, {
    name: 'ims-server',
    command: [process.execPath, binary('ims-server'), '--config', setting.config],
  });
  assert.equal(code, 69);
  assert.match(output, /is held by/);
});
