import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImsError } from '../../../src/errors.ts';
import { ControlClient } from '../../../src/io/control-client.ts';
import { requireUnheld } from '../../../src/io/control-endpoint.ts';
import { type ControlHandler, ControlServer } from '../../../src/io/control-server.ts';
import {
  controlName,
  findSockets,
  prepareRuntimeDirectory,
  runtimeDirectories,
  socketPath,
} from '../../../src/io/runtime-directory.ts';
import { peersPresent } from '../../support/peers.ts';
import { openScope, type Scope, temporaryDirectory } from '../../support/scope.ts';
import { waitFor } from '../../support/wait.ts';

const silent = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => silent,
  isLevelEnabled: () => false,
};

const echo: ControlHandler = (exchange) => exchange.answer(exchange.request);

async function open(scope: Scope, handler = echo): Promise<ControlServer> {
  const directory = await temporaryDirectory(scope);
  const server = await ControlServer.open(join(directory, 'x.sock'), handler, silent);
  scope.defer(() => server.close());
  return server;
}

async function client(scope: Scope, { path }: ControlServer): Promise<ControlClient> {
  const one = await ControlClient.connect(path);
  scope.defer(() => one.close());
  return one;
}

/** A connection that sends bytes, and what comes back. */
function raw(scope: Scope, path: string): { socket: Socket; received: () => string; closed: Promise<void> } {
  let text = '';
  const socket = connect({ path, allowHalfOpen: true });
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  scope.defer(() => void socket.destroy());
  return { socket, received: () => text, closed };
}

async function expectAlive(scope: Scope, server: ControlServer): Promise<void> {
  const answer = await (await client(scope, server)).ask({ verb: 'status' }, { timeoutMs: 2000 });
  assert.deepEqual(answer, { ok: true, result: { verb: 'status' } });
}

test('a socket that only its owner can open, gone after the end', async (t) => {
  const server = await open(openScope(t));
  assert.equal(statSync(server.path).mode & 0o777, 0o600);
  server.close();
  assert.equal(existsSync(server.path), false);
});

test('a second server on the path is refused while the first one answers, or keeps silent', async (t) => {
  const scope = openScope(t);
  const server = await open(scope, (exchange) => exchange.answer({ pid: 4711 }));
  await assert.rejects(ControlServer.open(server.path, echo, silent), { code: 'IMS_ERR_LOCKED', message: /4711/ });
  assert.ok(server.isHeld());
  const mute = await open(scope, () => {});
  await assert.rejects(ControlServer.open(mute.path, echo, silent), { code: 'IMS_ERR_LOCKED' });
});

test('a directory that belongs to another user holds no lock of ours', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const directory = await temporaryDirectory(openScope(t));
  chmodSync(directory, 0o700);
  process.seteuid?.(65_534);
  try {
    await requireUnheld(join(directory, 'x.sock'));
  } finally {
    process.seteuid?.(0);
  }
});

test('what a killed launcher left is replaced', async (t) => {
  const scope = openScope(t);
  const path = join(await temporaryDirectory(scope), 'x.sock');
  writeFileSync(path, '');
  const server = await ControlServer.open(path, echo, silent);
  scope.defer(() => server.close());
  await expectAlive(scope, server);
});

test('a name that was lost is taken again, with its clients connected; not from somebody who listens there', async (t) => {
  const scope = openScope(t);
  const server = await open(scope);
  const connected = await client(scope, server);
  rmSync(server.path);
  assert.equal(server.isHeld(), false);
  await server.claim();
  assert.ok(server.isHeld());
  await expectAlive(scope, server);
  assert.deepEqual(await connected.ask({ verb: 'health' }, { timeoutMs: 2000 }), {
    ok: true,
    result: { verb: 'health' },
  });
  rmSync(server.path);
  const rival = await ControlServer.open(server.path, echo, silent);
  scope.defer(() => rival.close());
  assert.equal(server.isHeld(), false);
  await assert.rejects(server.claim(), { code: 'IMS_ERR_LOCKED' });
  server.close();
  assert.ok(rival.isHeld(), 'what is not ours is not removed');
});

test('a directory in the place of the socket is an error of the system, and stays', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'x.sock');
  mkdirSync(path);
  await assert.rejects(ControlServer.open(path, echo, silent), (error) => !(error instanceof ImsError));
  assert.ok(statSync(path).isDirectory());
});

test('a last request without an end of line is answered when the client has said all', async (t) => {
  const scope = openScope(t);
  const { path } = await open(scope);
  const { socket, received, closed } = raw(scope, path);
  socket.end('{"v":1,"id":1,"verb":"health"}\n{"v":1,"id":2,"verb":"status"}');
  await closed;
  assert.equal(received().trim().split('\n').length, 2, received());
  assert.match(received(), /"id":2.*"verb":"status"/);
});

test('of many that start at once, one gets the lock', async (t) => {
  const scope = openScope(t);
  for (let round = 0; round < 10; round++) {
    const path = join(await temporaryDirectory(scope), 'x.sock');
    writeFileSync(path, '');
    // The passing name holds the process id; in one process they take turns with it.
    const first = await ControlServer.open(path, echo, silent);
    const others = await Promise.allSettled([1, 2, 3].map(() => ControlServer.open(path, echo, silent)));
    assert.deepEqual(
      others.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    assert.ok(first.isHeld());
    first.close();
  }
});

test('garbage, unknown verbs and blank lines are answered, and the connection stays', async (t) => {
  const scope = openScope(t);
  const server = await open(scope);
  const { socket, received } = raw(scope, server.path);
  socket.write('\n\u0000\u0001garbage\n{"id":1,"verb":"reboot"}\n{"id":2,"verb":"health"}\n');
  await waitFor('four answers', () => received().split('\n').length === 5);
  const answers = received()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    answers.map(({ id, ok, error }) => [id, ok, error?.code]),
    [
      [null, false, 'bad-json'],
      [null, false, 'bad-json'],
      [1, false, 'unknown-verb'],
      [2, true, undefined],
    ],
  );
});

test('a line of 10 MB ends its connection, and no other', async (t) => {
  const scope = openScope(t);
  const server = await open(scope);
  const { socket, received, closed } = raw(scope, server.path);
  socket.on('data', () => {});
  socket.write('x'.repeat(10 * 1024 * 1024));
  await closed;
  assert.match(received(), /^(\{.*"too-long".*\}\n)?$/);
  await expectAlive(scope, server);
});

test('garbage without end is cut off', async (t) => {
  const scope = openScope(t);
  const server = await open(scope);
  const { socket, closed } = raw(scope, server.path);
  socket.write('?\n'.repeat(100_000));
  await closed;
  await expectAlive(scope, server);
});

test('a client that says no more still gets its answer, later, and then the end', async (t) => {
  const scope = openScope(t);
  const server = await open(scope, (exchange) => setImmediate(() => exchange.answer('late')));
  const { socket, received, closed } = raw(scope, server.path);
  socket.end('{"verb":"status"}\n');
  await closed;
  assert.match(received(), /"late"/);
});

test('half a request, and a hundred clients that say nothing, hold up nobody', async (t) => {
  const scope = openScope(t);
  const server = await open(scope);
  for (let count = 0; count < 100; count++) {
    raw(scope, server.path).socket.write(count % 2 === 0 ? '{"verb":' : '');
  }
  await expectAlive(scope, server);
});

test('beyond 256 clients the next one is told so', async (t) => {
  const scope = openScope(t);
  const server = await open(scope);
  for (let count = 0; count < 256; count++) {
    raw(scope, server.path);
  }
  const { received, closed } = raw(scope, server.path);
  await closed;
  assert.match(received(), /"too-many"/);
});

test('a reader that does not read is cut off at 1 MiB, and its exchange ends', async (t) => {
  const scope = openScope(t);
  let sent = 0;
  let ended = false;
  const server = await open(scope, (exchange) => {
    exchange.onEnd(() => {
      ended = true;
    });
    const line = 'x'.repeat(1000);
    const pump = (): void => {
      for (let count = 0; count < 100 && !ended; count++) {
        exchange.item(line);
        sent += line.length;
      }
      if (!ended) {
        setImmediate(pump);
      }
    };
    pump();
  });
  const socket = connect(server.path);
  scope.defer(() => void socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  socket.write('{"verb":"logs","follow":true}\n');
  await waitFor('the end of the slow reader', () => ended);
  assert.ok(sent < 4 * 1024 * 1024, `${sent} bytes were kept for it`);
});

test('more open requests than a client can mean are refused', async (t) => {
  const scope = openScope(t);
  const server = await open(scope, () => {});
  const one = await client(scope, server);
  const asked = Array.from({ length: 40 }, () => one.ask({ verb: 'status' }, { timeoutMs: 200 }));
  const answers = await Promise.all(asked);
  assert.equal(answers.filter((answer) => answer === 'timeout').length, 32);
  assert.equal(answers.filter((answer) => typeof answer === 'object' && !answer.ok).length, 8);
});

test('a handler that throws is answered for', async (t) => {
  const scope = openScope(t);
  const server = await open(scope, () => {
    throw new Error('a bug');
  });
  const answer = await (await client(scope, server)).ask({ verb: 'status' }, { timeoutMs: 2000 });
  assert.equal(typeof answer === 'object' && !answer.ok && answer.error.code, 'internal');
});

test('who asks is told when the launcher goes, and when a stranger answers', async (t) => {
  const scope = openScope(t);
  const server = await open(scope, () => {});
  const one = await client(scope, server);
  const answer = one.ask({ verb: 'status' }, { timeoutMs: 5000 });
  await waitFor('the request', () => true);
  server.close();
  assert.equal(await answer, 'closed');
  await one.closed;
  const path = join(await temporaryDirectory(scope), 'y.sock');
  const stranger = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 400 Bad Request\n');
  });
  await new Promise<void>((resolve) => stranger.listen(path, resolve));
  scope.defer(() => void stranger.close());
  const other = await ControlClient.connect(path);
  scope.defer(() => other.close());
  assert.equal(await other.ask({ verb: 'status' }, { timeoutMs: 200 }), 'timeout');
});

test('a ConfigMap keeps its name when its content is swapped, and a file the one that it had before it was made', async (t) => {
  const directory = await temporaryDirectory(openScope(t));
  const file = join(directory, 'config.json');
  const before = controlName(file, 7722);
  for (const version of ['..1', '..2']) {
    mkdirSync(join(directory, version));
    writeFileSync(join(directory, version, 'config.json'), '{}');
  }
  symlinkSync('..1', join(directory, '..data'));
  symlinkSync(join('..data', 'config.json'), file);
  assert.equal(controlName(file, 7722), before);
  symlinkSync('..2', join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  assert.equal(controlName(file, 7722), before);
});

test('one name for one file, however it is written; another port, another name', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const file = join(directory, 'config.json');
  writeFileSync(file, '{}');
  symlinkSync(file, join(directory, 'link.json'));
  assert.equal(controlName(file, 7722), controlName(join(directory, 'link.json'), 7722));
  assert.notEqual(controlName(file, 7722), controlName(file, 7723));
  assert.match(controlName(join(directory, 'missing.json'), 1), /^[0-9a-f]{16}-1$/);
});

test('sockets are found by their file, that of the port asked for first', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  for (const name of [controlName('/a', 1), controlName('/a', 2), controlName('/b', 1)]) {
    writeFileSync(socketPath(directory, name), '');
  }
  const paths = [1, 2].map((port) => socketPath(directory, controlName('/a', port)));
  assert.deepEqual(findSockets([directory, '/missing'], '/a', 2), [...paths].reverse());
  assert.deepEqual(findSockets([directory], '/a', undefined).sort(), [...paths].sort());
  assert.deepEqual(findSockets([directory], '/c', undefined), []);
});

test('a launcher is found after its configuration became a link to another file', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const file = join(directory, 'config.json');
  writeFileSync(file, '{}');
  const path = socketPath(directory, controlName(file, 1));
  writeFileSync(path, '');
  renameSync(file, join(directory, 'moved.json'));
  symlinkSync('moved.json', file);
  assert.deepEqual(findSockets([directory], file, 1), [path]);
  // One that was started meanwhile comes first.
  const next = socketPath(directory, controlName(file, 1));
  writeFileSync(next, '');
  assert.deepEqual(findSockets([directory], file, 1), [next, path]);
});

test('directories: the session’s first, a relative one never, links and open ones passed over', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  assert.equal(runtimeDirectories({ XDG_RUNTIME_DIR: '/run/user/7' })[0], '/run/user/7/ims-launch');
  assert.equal(runtimeDirectories({ XDG_RUNTIME_DIR: 'run' })[0], '/run/ims-launch');
  const wide = join(directory, 'wide');
  mkdirSync(wide);
  chmodSync(wide, 0o777);
  const link = join(directory, 'link');
  symlinkSync(directory, link);
  const missing = join(directory, 'no', 'such');
  const good = join(directory, 'good');
  assert.equal(prepareRuntimeDirectory([missing, wide, link, good]), good);
  assert.equal(statSync(good).mode & 0o777, 0o700);
  assert.equal(prepareRuntimeDirectory([missing, wide, link]), undefined);
  assert.deepEqual(findSockets([wide, link], '/a', 1), []);
});
