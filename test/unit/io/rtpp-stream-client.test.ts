/** Stream clients against services of the test's own, on loopback and in a directory of the test's own. */
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImsError } from '../../../src/errors.ts';
import { openRtppClient } from '../../../src/io/rtpp-client-driver.ts';
import { openScope, type Scope, temporaryDirectory } from '../../support/scope.ts';

interface Service {
  readonly server: Server;
  readonly connections: Socket[];
  close(): Promise<void>;
}

/** Listens, and does with each connection what `serve` does. */
async function listen(scope: Scope, where: { path: string } | { port: number }, serve: (socket: Socket) => void) {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', ...where }, resolve));
  const close = async (): Promise<void> => {
    for (const socket of connections) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  scope.defer(() => (server.listening ? close() : undefined));
  return { server, connections, close } satisfies Service;
}

function portOf({ server }: Service): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

/** A relay that knows V and VF, by lines. */
function serveLines(socket: Socket): void {
  let rest = '';
  socket.on('data', (chunk) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      socket.write(line === 'V' ? '20040107\n' : `${line.split(' ')[1] ?? 'E1'}\n`);
    }
  });
}

async function client(scope: Scope, control: string) {
  const opened = await openRtppClient({ control });
  scope.defer(() => opened.close());
  return opened;
}

test('tcp: 300 commands at once, one connection, each its own reply; the relay restarts and the client goes on', async (t) => {
  const scope = openScope(t);
  const service = await listen(scope, { port: 0 }, serveLines);
  const port = portOf(service);
  const rtpp = await client(scope, `tcp:127.0.0.1:${port}`);
  assert.equal(rtpp.name, `tcp:127.0.0.1:${port}`);
  assert.deepEqual([rtpp.remote, rtpp.local.address], [{ address: '127.0.0.1', port, family: 'IPv4' }, '127.0.0.1']);
  const outcomes = await Promise.all(Array.from({ length: 300 }, (_, i) => rtpp.request(`VF ${i}`)));
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'reply' && outcome.reply.kind === 'number' && outcome.reply.value),
    Array.from({ length: 300 }, (_, i) => i),
  );
  assert.equal(service.connections.length, 1);
  await service.close();
  assert.deepEqual(await rtpp.request('V'), { kind: 'refused' });
  const next = await listen(scope, { port }, serveLines);
  assert.equal((await rtpp.request('V')).kind, 'reply');
  assert.equal(next.connections.length, 1);
});

test('cunix: probed like any relay; what was not answered when the connection ended is asked again', async (t) => {
  const scope = openScope(t);
  const path = join(await temporaryDirectory(scope), 'relay.sock');
  let first = true;
  await listen(scope, { path }, (socket) => {
    if (first) {
      first = false;
      socket.once('data', () => socket.destroy());
    } else {
      serveLines(socket);
    }
  });
  const rtpp = await client(scope, `cunix:${path}`);
  const verdict = await rtpp.probe();
  assert.equal(verdict.kind, 'rtpproxy');
  assert.equal(verdict.kind === 'rtpproxy' && verdict.version, '20040107');
});

test('unix: a connection a command, refused when nobody has the path', async (t) => {
  const scope = openScope(t);
  const path = join(await temporaryDirectory(scope), 'relay.sock');
  const rtpp = await client(scope, `unix:${path}`);
  assert.deepEqual(await rtpp.request('V'), { kind: 'refused' });
  assert.deepEqual(await rtpp.probe(), { kind: 'absent' });
  const service = await listen(scope, { path }, (socket) => {
    socket.once('data', (chunk) => socket.end(`${chunk.toString().trim().split(' ')[1]}\n`));
  });
  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => rtpp.request(`VF ${i}`)));
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'reply' && outcome.reply.kind === 'number' && outcome.reply.value),
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.equal(service.connections.length, 100);
});

for (const kind of ['unix', 'cunix']) {
  test(`${kind}: a service that says nothing times out; close ends its connections and may be called twice`, async (t) => {
    const scope = openScope(t);
    const path = join(await temporaryDirectory(scope), 'relay.sock');
    const service = await listen(scope, { path }, (socket) => void socket.resume());
    const rtpp = await client(scope, `${kind}:${path}`);
    assert.deepEqual(await rtpp.request('V', { budgetMs: 50 }), { kind: 'timeout' });
    const waiting = rtpp.request('V');
    await Promise.all([rtpp.close(), rtpp.close()]);
    assert.deepEqual(await waiting, { kind: 'closed' });
    assert.deepEqual(await rtpp.request('V'), { kind: 'closed' });
    await Promise.all(
      service.connections.map((socket) => socket.destroyed || new Promise((resolve) => socket.once('close', resolve))),
    );
  });
}

test('a mail server in the relay’s place is foreign', async (t) => {
  const scope = openScope(t);
  const service = await listen(scope, { port: 0 }, (socket) => {
    socket.write('220 mail.example.org ESMTP\r\n');
  });
  const rtpp = await client(scope, `tcp:127.0.0.1:${portOf(service)}`);
  assert.deepEqual(await rtpp.probe(), { kind: 'foreign', answer: '220 mail.example.org' });
});

test('a control socket that is none is the operator’s mistake', async () => {
  for (const control of ['carrier-pigeon:7', 'tcp:no-such-host.invalid:1']) {
    await assert.rejects(
      openRtppClient({ control }),
      (error) => error instanceof ImsError && error.code === 'IMS_ERR_RELAY_ADDRESS',
    );
  }
});
