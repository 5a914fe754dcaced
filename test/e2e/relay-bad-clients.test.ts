/** ims-relay and control clients that misbehave: what they take is bounded, and the others are served meanwhile. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { processMemory } from '../support/survivors.ts';
import { startRelay } from '../support/test-relay.ts';
import { waitFor, within } from '../support/wait.ts';

/** Generous: the machine may be busy. */
const PATIENCE_MS = 30_000;

/** What a relay may take for its clients' sake. A leak of what these tests send would be far more. */
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

/** The cap of a control socket, and what comes and goes by itself. */
const MAX_EXTRA_DESCRIPTORS = 260;

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/**
 * On a unix socket a connect fails at once while the relay has not accepted those before, and a relay without files closes
 * what it has just accepted: it is tried again.
 */
async function open(scope: Scope, target: NetConnectOpts): Promise<Socket> {
  return await waitFor(
    'a connection',
    async () => {
      const socket = connect(target);
      scope.defer(() => void socket.destroy());
      try {
        await once(socket, 'connect');
        socket.on('error', () => {});
        return socket;
      } catch (error) {
        assert.match((error as NodeJS.ErrnoException).code ?? '', /^(?:EAGAIN|ECONNRESET)$/);
        return undefined;
      }
    },
    { timeoutMs: PATIENCE_MS },
  );
}

/** The bytes that have come by the time the pattern is among them. */
async function textLike(socket: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  let text = '';
  const seen = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (pattern.test(text)) {
        resolve();
      }
    });
  });
  await within(`text like ${pattern}`, PATIENCE_MS, seen);
  return text;
}

test('a datagram that is all cookie, or all blanks, costs nothing; the next one is answered', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const memory = processMemory(relay.program.pid);
  const socket = createSocket('udp4');
  scope.defer(() => void socket.close());
  const replies: string[] = [];
  socket.on('message', (bytes) => replies.push(bytes.toString('latin1')));
  const send = (text: string): Promise<void> =>
    new Promise((resolve) => socket.send(Buffer.from(text, 'latin1'), relay.control, '127.0.0.1', () => resolve()));
  // The most that a datagram over IPv4 holds.
  const longest = 65_507;
  for (let times = 0; times < 1000; times++) {
    await send('c'.repeat(longest));
    // One at a time: the receive buffer has room for a few of this size.
    if (times % 4 === 0) {
      await askRelay(relay.control, 'V', PATIENCE_MS);
    }
  }
  assert.deepEqual(replies, []);
  assert.ok(processMemory(relay.program.pid) < memory + MAX_GROWTH_BYTES);
  const lines = relay.program.output.match(/its cookie is too long/g)?.length ?? 0;
  assert.ok(lines >= 1 && lines <= 20, `${lines} log lines for 1000 datagrams`);
  await send(' '.repeat(longest));
  await send(`blanks ${' '.repeat(longest - 8)}V`);
  await waitFor('the replies to blanks', () => replies.length === 2);
  assert.deepEqual(replies, ['E5\n', 'blanks E5\n'], 'what is beyond 8191 bytes is not read');
  await relay.grant('U call 127.0.0.1 4000 A');
});

test('half a command waits for its other half, and keeps nobody waiting', async (t) => {
  const scope = openScope(t);
  const port = await freeUdpPort();
  const path = join(await temporaryDirectory(scope), 'lines');
  await startRelay(scope, 20, '-s', `tcp:127.0.0.1:${port}`, '-s', `cunix:${path}`);
  for (const target of [{ host: '127.0.0.1', port }, { path }]) {
    const half = await open(scope, target);
    half.write('U half 127.0.0.1 40');
    const other = await open(scope, target);
    other.write('V\n');
    assert.equal(await textLike(other, /\n/), '20040107\n');
    half.write('00 A\n');
    assert.match(await textLike(half, /\n/), /^\d+ 127\.0\.0\.1\n$/);
  }
});

test('a client that sends commands and its end in one go gets every reply', async (t) => {
  const scope = openScope(t);
  const port = await freeUdpPort();
  await startRelay(scope, 20, '-s', `tcp:127.0.0.1:${port}`);
  const socket = await open(scope, { host: '127.0.0.1', port, allowHalfOpen: true });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  // Ports are opened while the end of the connection is already there.
  socket.end('U c 127.0.0.1 4000 A\nL c 127.0.0.1 4002 A B\nD c A B\n');
  await within('the end of the connection', PATIENCE_MS, once(socket, 'end'));
  assert.match(text, /^\d+ 127\.0\.0\.1\n\d+ 127\.0\.0\.1\n0\n$/);
});

for (const kind of ['tcp', 'cunix', 'unix'] as const) {
  test(`${kind}: 1000 idle connections are bounded, and the next client is served`, async (t) => {
    const scope = openScope(t);
    const port = await freeUdpPort();
    const path = join(await temporaryDirectory(scope), 'control');
    const target = kind === 'tcp' ? { host: '127.0.0.1', port } : { path };
    const relay = await startRelay(scope, 20, '-s', kind === 'tcp' ? `tcp:127.0.0.1:${port}` : `${kind}:${path}`);
    const { pid } = relay.program;
    const before = descriptors(pid);
    const memory = processMemory(pid);
    const busy = await open(scope, target);
    let ended = 0;
    for (let count = 0; count < 1000; count++) {
      const idle = await open(scope, target);
      idle.resume().once('close', () => {
        ended += 1;
      });
      if (kind !== 'unix' && count % 100 === 0) {
        busy.write('V\n');
        assert.equal(await textLike(busy, /\n/), '20040107\n', 'who speaks now and then keeps its connection');
      }
    }
    await waitFor('the end of those beyond the bound', () => descriptors(pid) <= before + MAX_EXTRA_DESCRIPTORS);
    await waitFor('their clients to see it', () => ended >= 1000 - MAX_EXTRA_DESCRIPTORS);
    assert.ok(processMemory(pid) < memory + MAX_GROWTH_BYTES);
    const next = await open(scope, target);
    next.write('V\n');
    assert.equal(await textLike(next, /\n/), '20040107\n');
    await relay.grant('U call 127.0.0.1 4000 A');
  });
}

test('connections for which there is no file left are closed; once others have ended, the next is served', async (t) => {
  const scope = openScope(t);
  const port = await freeUdpPort();
  const minPort = freePortRange(20);
  const relay = Program.start(scope, {
    // Node itself has some 20 files open.
    command: [
      ...(['prlimit', '--nofile=64:64', process.execPath, binary('ims-relay')] as const),
      ...['-F', '-l', '127.0.0.1', '-m', `${minPort}`, '-M', `${minPort + 19}`, '-s', `tcp:127.0.0.1:${port}`],
    ],
  });
  await relay.waitForLine(/relay ready/, PATIENCE_MS);
  const idle: Socket[] = [];
  let ended = 0;
  for (let count = 0; count < 150; count++) {
    const socket = await open(scope, { host: '127.0.0.1', port });
    idle.push(socket);
    socket.resume().once('close', () => {
      ended += 1;
    });
  }
  await waitFor('the end of those that found no room', () => ended >= 150 - 64, { timeoutMs: PATIENCE_MS });
  for (const socket of idle) {
    socket.destroy();
  }
  await waitFor('the files', () => descriptors(relay.pid) < 40, { timeoutMs: PATIENCE_MS });
  const next = await open(scope, { host: '127.0.0.1', port });
  next.write('V\n');
  assert.equal(await textLike(next, /\n/), '20040107\n');
});

test('a client that reads no replies is cut off before they fill the memory; the others are served', async (t) => {
  const scope = openScope(t);
  const port = await freeUdpPort();
  const relay = await startRelay(scope, 20, '-s', `tcp:127.0.0.1:${port}`);
  const memory = processMemory(relay.program.pid);
  const deaf = await open(scope, { host: '127.0.0.1', port });
  deaf.pause();
  const cut = new Promise<void>((resolve) => deaf.once('close', () => resolve()));
  const questions = 'I\n'.repeat(10_000);
  let asking = true;
  void cut.then(() => {
    asking = false;
  });
  // Bounded: what the kernel takes for both sides, and some more.
  for (let times = 0; times < 2000 && asking; times++) {
    if (!deaf.write(questions)) {
      await Promise.race([once(deaf, 'drain').catch(() => {}), cut]);
    }
    if (times % 10 === 0) {
      assert.equal(await askRelay(relay.control, 'V', PATIENCE_MS), '20040107');
    }
  }
  await within('the end of its connection', PATIENCE_MS, cut);
  assert.ok(processMemory(relay.program.pid) < memory + MAX_GROWTH_BYTES);
  const other = await open(scope, { host: '127.0.0.1', port });
  other.write('V\n');
  assert.equal(await textLike(other, /\n/), '20040107\n');
});

test('stdio: while nobody reads the replies no command is read; then each is answered once', async (t) => {
  const scope = openScope(t);
  const control = await freeUdpPort();
  const minPort = freePortRange(20);
  const args = ['-F', '-l', '127.0.0.1', '-m', `${minPort}`, '-M', `${minPort + 19}`, '-s', 'stdio:'];
  const relay: ChildProcess = spawn(
    process.execPath,
    [binary('ims-relay'), ...args, '-s', `udp:127.0.0.1:${control}`],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  scope.defer(async () => {
    relay.kill('SIGTERM');
    await once(relay, 'exit');
  });
  const { stdin, stdout, pid = 0 } = relay;
  assert.ok(stdin !== null && stdout !== null);
  await waitFor('the relay', () =>
    askRelay(control, 'V').then(
      () => true,
      () => false,
    ),
  );
  const memory = processMemory(pid);
  // 120 bytes a reply: 12 MB of them.
  const questions = 100_000;
  stdin.write('I\n'.repeat(questions));
  const handled = async (): Promise<number> => Number(await askRelay(control, 'G ncmds_rcvd', PATIENCE_MS));
  let last = -1;
  await waitFor(
    'a relay that reads no further',
    async () => {
      const now = await handled();
      // Its own questions count as well.
      const rests = now - last <= 1;
      last = now;
      return rests;
    },
    { intervalMs: 300 },
  );
  assert.ok(last < questions / 2, `${last} commands were read`);
  assert.ok(processMemory(pid) < memory + MAX_GROWTH_BYTES);
  let replies = 0;
  stdout.on('data', (chunk: Buffer) => {
    replies += chunk.toString().match(/sessions created/g)?.length ?? 0;
  });
  await waitFor('every reply', () => replies >= questions - 10, { timeoutMs: PATIENCE_MS });
});
