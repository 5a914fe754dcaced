/** ims-relay with a socket that systemd opened for it (`-s systemd:`), as systemd-socket-activate(1) passes them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { within } from '../support/wait.ts';

const PATIENCE_MS = 20_000;

function relayCommand(...more: string[]): [string, ...string[]] {
  const minPort = freePortRange(20);
  const range = ['-m', `${minPort}`, '-M', `${minPort + 19}`];
  return [process.execPath, binary('ims-relay'), '-f', '-F', '-s', 'systemd:', '-l', '127.0.0.1', ...range, ...more];
}

/**
 * As systemd passes it: descriptor 3, `LISTEN_FDS`, and `LISTEN_PID`, which is known only in the process itself, hence the
 * shell that becomes the relay. `fd` is of a socket of ours.
 */
function activate(scope: Scope, fd: number, more: readonly string[] = [], variables = 'LISTEN_FDS=1 LISTEN_PID=$$') {
  const command = relayCommand(...more).map((word) => `'${word}'`);
  const child = spawn('sh', ['-c', `${variables} exec ${command.join(' ')}`], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
  });
  let log = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('relay ready')) {
        resolve();
      }
    });
    child.once('exit', () => reject(new Error(log)));
  });
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await within('the end of ims-relay', PATIENCE_MS, exit);
    }
    return child.exitCode;
  };
  scope.defer(async () => {
    await stop();
  });
  return { ready: within('the relay', PATIENCE_MS, ready), stop };
}

/** The number behind a socket or server of Node. */
function descriptorOf(socket: object): number {
  return (socket as { readonly _handle: { readonly fd: number } })._handle.fd;
}

async function freeTcpPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function lineClient(scope: Scope, target: NetConnectOpts): Promise<(line: string) => Promise<string>> {
  const socket: Socket = connect(target);
  scope.defer(() => void socket.destroy());
  await within('the connection', PATIENCE_MS, once(socket, 'connect'));
  return async (line) => {
    const reply = once(socket, 'data');
    socket.write(`${line}\n`);
    const [bytes] = (await within(`a reply to ${line}`, PATIENCE_MS, reply)) as [Buffer];
    return bytes.toString('latin1');
  };
}

async function askDatagram(scope: Scope, port: number, command: string, family: 'udp4' | 'udp6'): Promise<string> {
  const socket = createSocket(family);
  scope.defer(() => void socket.close());
  const reply = once(socket, 'message');
  socket.send(command, port, family === 'udp4' ? '127.0.0.1' : '::1');
  const [bytes] = (await within(`a reply to ${command}`, PATIENCE_MS, reply)) as [Buffer];
  return bytes.toString('latin1');
}

test('a listening TCP socket takes lines', async (t) => {
  const scope = openScope(t);
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { ready, stop } = activate(scope, descriptorOf(server));
  // Only the relay may accept.
  server.close();
  await ready;
  const ask = await lineClient(scope, { port, host: '127.0.0.1' });
  assert.equal(await ask('V'), '20040107\n');
  assert.match(await ask('U call 127.0.0.1 4000 A'), /^\d+ 127\.0\.0\.1\n$/);
  assert.equal(await stop(), 0);
});

test('a datagram socket takes commands with cookies, over IPv4 and IPv6', async (t) => {
  const scope = openScope(t);
  for (const family of ['udp4', 'udp6'] as const) {
    const socket = createSocket({ type: family, ipv6Only: family === 'udp6' });
    socket.bind(0, family === 'udp4' ? '127.0.0.1' : '::1');
    await once(socket, 'listening');
    const { port } = socket.address();
    const { ready, stop } = activate(scope, descriptorOf(socket));
    socket.close();
    await ready;
    assert.equal(await askDatagram(scope, port, 'ck V', family), 'ck 20040107\n');
    assert.equal(await askDatagram(scope, port, 'ck foo', family), 'ck 20040107\n', 'the reply cache');
    assert.equal(await stop(), 0);
  }
});

test('the first command starts the relay, over TCP, unix and UDP; the file of the unix socket stays', async (t) => {
  const scope = openScope(t);
  if (!peersPresent(t, 'systemd')) return;
  const path = join(await temporaryDirectory(scope), 'control');
  const tcp = await freeTcpPort();
  const udp = await freeUdpPort();
  const start = async (...words: string[]): Promise<Program> => {
    const command = ['systemd-socket-activate', ...words, ...relayCommand()] as const;
    const program = Program.start(scope, { command: [...command] as [string, ...string[]], name: 'activation' });
    await program.waitForLine(/Listening on/, PATIENCE_MS);
    return program;
  };
  const overTcp = await start('-l', `127.0.0.1:${tcp}`);
  const askTcp = await lineClient(scope, { port: tcp, host: '127.0.0.1' });
  assert.equal(await askTcp('V'), '20040107\n');
  await overTcp.stop();

  const overUnix = await start('-l', path);
  const askUnix = await lineClient(scope, { path });
  assert.equal(await askUnix('VF 20050322'), '1\n');
  await overUnix.stop();
  assert.ok(existsSync(path), 'the socket is systemd’s');

  const overUdp = await start('-d', '-l', `127.0.0.1:${udp}`);
  assert.equal(await askDatagram(scope, udp, 'first V', 'udp4'), 'first 20040107\n');
  await overUdp.stop();
});

test('a socket that other machines can reach needs --control-from, whoever opened it', async (t) => {
  const scope = openScope(t);
  const server = createServer();
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const fd = descriptorOf(server);
  await assert.rejects(activate(scope, fd).ready, /IMS_ERR_CONTROL_OPEN|--control-from/);
  const named = activate(scope, fd, ['--control-from', '192.0.2.0/24']);
  server.close();
  await named.ready;
  assert.equal(await named.stop(), 0);
});

test('no socket, two sockets, or those of another process: one sentence says how it is done', async (t) => {
  const scope = openScope(t);
  for (const [env, found] of [
    [{}, /there is LISTEN_FDS=0/],
    [{ LISTEN_FDS: '2' }, /there is LISTEN_FDS=2/],
    [{ LISTEN_FDS: '1' }, /there is LISTEN_FDS=1/],
    [{ LISTEN_FDS: '1', LISTEN_PID: '1' }, /LISTEN_PID=1, which is another process/],
  ] as const) {
    const { code, output } = await runProgram(scope, { command: relayCommand(), env });
    assert.equal(code, 1);
    assert.match(output, found);
    assert.match(output, /-s systemd: exactly one socket must be passed.*ListenStream=/s);
  }
});
