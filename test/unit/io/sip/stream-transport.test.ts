import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ImsError } from '../../../../src/errors.ts';
import { randomIds } from '../../../../src/io/random-ids.ts';
import { openSipStreamTransport, type SipStreamTransport } from '../../../../src/io/sip/stream-transport.ts';
import { waitFor } from '../../../support/wait.ts';

const OPTIONS = [
  'OPTIONS sip:127.0.0.1 SIP/2.0',
  'Via: SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bKx;rport',
  'From: <sip:a@127.0.0.1>;tag=a',
  'To: <sip:b@127.0.0.1>',
  'Call-ID: c1',
  'CSeq: 1 OPTIONS',
  'Content-Length: 0',
  '\r\n',
].join('\r\n');

async function open(t: TestContext, maxConnections = 100): Promise<SipStreamTransport> {
  const ids = randomIds();
  const transport = await openSipStreamTransport({ kind: 'tcp', host: '127.0.0.1', port: 0, ids, maxConnections });
  t.after(() => transport.close());
  return transport;
}

interface Peer {
  readonly socket: Socket;
  readonly port: number;
  text: string;
  closed: boolean;
}

async function connectTo(t: TestContext, { local }: SipStreamTransport): Promise<Peer> {
  const socket = connect(local.port, local.address);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return watch(socket);
}

function watch(socket: Socket): Peer {
  const peer: Peer = { socket, port: socket.localPort ?? 0, text: '', closed: false };
  socket.on('data', (bytes) => {
    peer.text += String(bytes);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    peer.closed = true;
  });
  return peer;
}

/** Methods of what arrives, in order. */
function methods(transport: SipStreamTransport): string[] {
  const seen: string[] = [];
  transport.onMessage = (message) => seen.push(message.kind === 'request' ? message.method : String(message.status));
  return seen;
}

test('messages of one connection come in order, each with its flow; what is sent on the flow goes back over it', async (t) => {
  const transport = await open(t);
  const peer = await connectTo(t, transport);
  const seen: string[] = [];
  transport.onMessage = (message, flow) => {
    assert.deepEqual(flow.remote, { address: '127.0.0.1', port: peer.port });
    assert.equal(flow.transport, 'tcp');
    seen.push(message.kind === 'request' ? message.method : '');
    transport.send(Buffer.from(`answer ${seen.length}\r\n`), flow, assert.fail);
  };
  peer.socket.write(OPTIONS + OPTIONS.slice(0, 30));
  await waitFor('the first', () => seen.length === 1);
  peer.socket.write(OPTIONS.slice(30));
  await waitFor('both answers', () => peer.text === 'answer 1\r\nanswer 2\r\n');
  assert.equal(transport.connectionCount, 1);
});

test('CRLFCRLF is answered with CRLF (RFC 5626)', async (t) => {
  const transport = await open(t);
  const peer = await connectTo(t, transport);
  peer.socket.write('\r\n\r\n');
  await waitFor('the pong', () => peer.text === '\r\n');
  assert.equal(transport.counters.keepAlives, 1);
});

test('a message without length is answered 400, and the connection ends after the answer', async (t) => {
  const transport = await open(t);
  const seen = methods(transport);
  const peer = await connectTo(t, transport);
  peer.socket.write(OPTIONS.replace('Content-Length: 0\r\n', '') + OPTIONS);
  await waitFor('the end', () => peer.closed);
  assert.match(peer.text, /^SIP\/2\.0 400 Bad Request \(no-content-length\)\r\n/);
  assert.deepEqual(seen, []);
});

test('a malformed message costs the message, not the connection', async (t) => {
  const transport = await open(t);
  const seen = methods(transport);
  const peer = await connectTo(t, transport);
  peer.socket.write(OPTIONS.replace('CSeq: 1 OPTIONS', 'CSeq: 1 INVITE') + OPTIONS);
  await waitFor('the next message', () => seen.length === 1);
  await waitFor('the answer to the first', () => peer.text.startsWith('SIP/2.0 400 '));
});

test('noise without end closes the connection, and nothing else', async (t) => {
  const transport = await open(t);
  const peer = await connectTo(t, transport);
  peer.socket.write(Buffer.alloc(200_000, 'x'));
  await waitFor('the end', () => peer.closed);
  await waitFor('our end of it', () => transport.connectionCount === 0);
  const seen = methods(transport);
  (await connectTo(t, transport)).socket.write(OPTIONS);
  await waitFor('another one’s message', () => seen.length === 1);
});

test('the end of a connection is told with its flow', async (t) => {
  const transport = await open(t);
  const peer = await connectTo(t, transport);
  const told: number[] = [];
  transport.onFlowClosed = ({ remote }) => told.push(remote.port);
  peer.socket.destroy();
  await waitFor('the news', () => told.length === 1);
  assert.deepEqual(told, [peer.port]);
});

test('a flow without connection opens one, to where the peer listens if it said so, and keeps it', async (t) => {
  const transport = await open(t);
  const received: string[] = [];
  let connections = 0;
  const phone = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.on('data', (bytes) => received.push(String(bytes)));
    t.after(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(phone, 'listening');
  t.after(() => phone.close());
  const { port } = phone.address() as { port: number };
  const flow = { ...transport.flowTo({ address: '127.0.0.1', port: 1 }), listens: { address: '127.0.0.1', port } };
  transport.send(Buffer.from('one '), flow, assert.fail);
  transport.send(Buffer.from('two '), transport.flowTo({ address: '127.0.0.1', port }), assert.fail);
  await waitFor('both', () => received.join('') === 'one two ');
  assert.equal(connections, 1);
});

test('nobody listens there: the message has failed, and says why', async (t) => {
  const transport = await open(t);
  const reason = await new Promise((resolve) => {
    transport.send(Buffer.from('x'), transport.flowTo({ address: '127.0.0.1', port: 1 }), resolve);
  });
  assert.equal(reason, 'ECONNREFUSED');
  await waitFor('no connection', () => transport.connectionCount === 0);
});

test('one connection too many costs the stranger that was silent longest, not who was trusted with an answer', async (t) => {
  const transport = await open(t, 3);
  const phone = await connectTo(t, transport);
  await waitFor('the phone', () => transport.connectionCount === 1);
  const accepted = 'SIP/2.0 200 OK\r\nCSeq: 2 REGISTER\r\n\r\n';
  transport.send(Buffer.from(accepted), transport.flowTo({ address: '127.0.0.1', port: phone.port }), assert.fail);
  const strangers: Peer[] = [];
  for (let count = 1; count <= 4; count++) {
    strangers.push(await connectTo(t, transport));
    await waitFor('its place', () => strangers.filter(({ closed }) => closed).length === Math.max(0, count - 2));
  }
  assert.equal(phone.closed, false);
  assert.deepEqual(
    strangers.map(({ closed }) => closed),
    [true, true, false, false],
  );
});

test('who does not read loses the connection, not our memory', async (t) => {
  const transport = await open(t);
  const peer = await connectTo(t, transport);
  await waitFor('the connection', () => transport.connectionCount === 1);
  peer.socket.pause();
  const flow = transport.flowTo({ address: '127.0.0.1', port: peer.port });
  const chunk = Buffer.alloc(60_000, 'x');
  let failures = 0;
  // What does not wait in our memory waits in the system's buffers, which hold some megabytes.
  for (let sent = 0; sent < 1000 && transport.connectionCount > 0; sent++) {
    transport.send(chunk, flow, () => failures++);
    await new Promise(setImmediate);
  }
  await waitFor('the end of the connection', () => transport.connectionCount === 0);
  assert.ok(failures > 0);
});

test('a taken port is an error that names it; after close nothing is held', async (t) => {
  const transport = await open(t);
  const { port } = transport.local;
  const again = { kind: 'tcp', host: '127.0.0.1', port, ids: randomIds(), maxConnections: 10 } as const;
  await assert.rejects(
    openSipStreamTransport(again),
    (error) =>
      error instanceof ImsError && error.code === 'IMS_ERR_PORT_IN_USE' && error.message.includes('tcp 127.0.0.1'),
  );
  const peer = await connectTo(t, transport);
  await waitFor('the connection', () => transport.connectionCount === 1);
  await transport.close();
  await waitFor('the end', () => peer.closed);
  await (await openSipStreamTransport(again)).close();
});
