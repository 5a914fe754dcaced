import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { randomIds } from '../../../../src/io/random-ids.ts';
import { isOriginAllowed } from '../../../../src/io/sip/web-origin.ts';
import { openSipWebSocketTransport, type SipWebSocketTransport } from '../../../../src/io/sip/web-socket-transport.ts';
import { makeCertificate } from '../../../support/certificate.ts';
import { peersPresent } from '../../../support/peers.ts';
import { openScope } from '../../../support/scope.ts';
import { waitFor } from '../../../support/wait.ts';

const OPTIONS = [
  'OPTIONS sip:127.0.0.1 SIP/2.0',
  'Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKx;rport',
  'From: <sip:a@127.0.0.1>;tag=a',
  'To: <sip:b@127.0.0.1>',
  'Call-ID: c1',
  'CSeq: 1 OPTIONS',
  '\r\n',
].join('\r\n');

async function open(t: TestContext, maxConnections = 100): Promise<SipWebSocketTransport> {
  const origins = { origins: ['https://phone.example.com'], names: () => ['sip.example.com'] };
  const common = { kind: 'ws', host: '127.0.0.1', port: 0, ids: randomIds(), maxConnections, origins } as const;
  const transport = await openSipWebSocketTransport(common);
  t.after(() => transport.close());
  return transport;
}

interface Peer {
  readonly socket: WebSocket;
  readonly frames: string[];
  closedWith: number | undefined;
}

function attach(
  t: TestContext,
  { local }: SipWebSocketTransport,
  options: ClientOptions = {},
  protocols = ['sip'],
): Peer {
  const socket = new WebSocket(`ws://127.0.0.1:${local.port}`, protocols, options);
  t.after(() => socket.terminate());
  const peer: Peer = { socket, frames: [], closedWith: undefined };
  socket.on('message', (data, isBinary) => peer.frames.push(isBinary ? 'binary' : String(data)));
  socket.on('error', () => {});
  socket.on('close', (code) => {
    peer.closedWith = code;
  });
  return peer;
}

async function connected(t: TestContext, transport: SipWebSocketTransport): Promise<Peer> {
  const peer = attach(t, transport);
  await once(peer.socket, 'open');
  return peer;
}

/** The status with which the handshake is refused. */
async function refusal(t: TestContext, transport: SipWebSocketTransport, ...how: [ClientOptions?, string[]?]) {
  const { socket } = attach(t, transport, ...how);
  const [, response] = await once(socket, 'unexpected-response');
  return response.statusCode;
}

/** By FIN or by RST. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

test('a frame is a message, without Content-Length, too; what is sent on its flow is a text frame', async (t) => {
  const transport = await open(t);
  const seen: string[] = [];
  transport.onMessage = (message, flow) => {
    assert.deepEqual([flow.transport, flow.remote.address], ['ws', '127.0.0.1']);
    seen.push(message.kind === 'request' ? message.method : '');
    transport.send(Buffer.from(`answer ${seen.length}\r\n`), flow, assert.fail);
  };
  const peer = await connected(t, transport);
  assert.equal(peer.socket.protocol, 'sip');
  peer.socket.send(OPTIONS);
  peer.socket.send(Buffer.from(OPTIONS), { binary: true });
  await waitFor('both answers', () => peer.frames.length === 2);
  assert.deepEqual(peer.frames, ['answer 1\r\n', 'answer 2\r\n']);
});

test('bytes that are no text go out as a binary frame', async (t) => {
  const transport = await open(t);
  transport.onMessage = (_message, flow) => transport.send(Buffer.from([0x53, 0xff, 0xfe]), flow, assert.fail);
  const peer = await connected(t, transport);
  peer.socket.send(OPTIONS);
  await waitFor('the frame', () => peer.frames.length === 1);
  assert.deepEqual(peer.frames, ['binary']);
});

test('CRLFCRLF in a frame is answered with CRLF, and a ping with a pong', async (t) => {
  const transport = await open(t);
  const peer = await connected(t, transport);
  peer.socket.send('\r\n\r\n');
  await waitFor('the answer', () => peer.frames[0] === '\r\n');
  const pong = once(peer.socket, 'pong');
  peer.socket.ping('x');
  assert.equal(String((await pong)[0]), 'x');
  assert.equal(transport.counters.keepAlives, 1);
});

test('without the subprotocol "sip" the handshake is refused, and a page is told that this is no web server', async (t) => {
  const transport = await open(t);
  assert.equal(await refusal(t, transport, {}, []), 400);
  assert.equal(await refusal(t, transport, {}, ['soap', 'sipx']), 400);
  const { status } = await fetch(`http://127.0.0.1:${transport.local.port}/`);
  assert.equal(status, 426);
  assert.equal(transport.connectionCount, 0);
});

test('over TLS the same, with certificate and key', async (t) => {
  if (!peersPresent(t, 'openssl')) return;
  const { certificate, key } = await makeCertificate(openScope(t), '127.0.0.1');
  const cert = await readFile(certificate);
  const transport = await openSipWebSocketTransport({
    kind: 'wss',
    host: '127.0.0.1',
    port: 0,
    ids: randomIds(),
    maxConnections: 10,
    origins: { origins: [], names: () => [] },
    tls: { cert, key: await readFile(key) },
  });
  t.after(() => transport.close());
  transport.onMessage = (_message, flow) => transport.send(Buffer.from(flow.transport), flow, assert.fail);
  const socket = new WebSocket(`wss://127.0.0.1:${transport.local.port}`, 'sip', { ca: cert });
  t.after(() => socket.terminate());
  await once(socket, 'open');
  const answer = once(socket, 'message');
  socket.send(OPTIONS);
  assert.equal(String((await answer)[0]), 'wss');
});

test('who is behind a trusted proxy is told with each message; the flow is that of the proxy', async (t) => {
  const common = { kind: 'ws', host: '127.0.0.1', port: 0, ids: randomIds(), maxConnections: 10 } as const;
  const origins = { origins: [], names: () => [] };
  const transport = await openSipWebSocketTransport({ ...common, origins, trustedProxies: ['127.0.0.1'] });
  t.after(() => transport.close());
  const clients: (string | undefined)[] = [];
  transport.onMessage = (_message, flow) => {
    clients.push(flow.client);
    transport.send(Buffer.from('answer'), flow, assert.fail);
  };
  for (const headers of [{ 'X-Forwarded-For': '203.0.113.9' }, {}]) {
    const peer = attach(t, transport, { headers });
    await once(peer.socket, 'open');
    peer.socket.send(OPTIONS);
    await waitFor('the answer', () => peer.frames.length === 1);
  }
  assert.deepEqual(clients, ['203.0.113.9', undefined]);
});

test('a page of another origin is refused before it can say a word', async (t) => {
  const transport = await open(t);
  assert.equal(await refusal(t, transport, { origin: 'https://evil.example.com' }), 403);
  assert.equal(await refusal(t, transport, { origin: 'null' }), 403);
  const own = attach(t, transport, { origin: 'https://phone.example.com' });
  await once(own.socket, 'open');
});

test('an origin is allowed by the list, by a name of this server, or because there is none', () => {
  const rules = {
    origins: ['https://phone.example.com', 'http://[2001:db8::9]:8080'],
    names: () => ['SIP.example.com', '2001:db8::1'],
  };
  const allowed = (origin: string | undefined) => isOriginAllowed(origin, rules);
  assert.ok(allowed(undefined));
  assert.ok(allowed('https://phone.example.com'));
  assert.ok(allowed('http://[2001:db8::9]:8080'));
  assert.ok(allowed('http://localhost:3000'));
  assert.ok(allowed('https://sip.example.com:8443'));
  assert.ok(allowed('https://[2001:db8::1]'));
  assert.equal(allowed('http://phone.example.com'), false, 'another scheme');
  assert.equal(allowed('https://phone.example.com:8443'), false, 'another port');
  assert.equal(allowed('https://sip.example.com.evil.net'), false);
  assert.equal(allowed('null'), false);
  assert.equal(allowed(''), false);
  assert.ok(isOriginAllowed('https://evil.net', { origins: ['*'], names: () => [] }));
});

test('a message longer than SIP allows closes its WebSocket, and nothing else', async (t) => {
  const transport = await open(t);
  const peer = await connected(t, transport);
  peer.socket.send('x'.repeat(70_000));
  await waitFor('the end', () => peer.closedWith === 1009);
  await waitFor('an empty table', () => transport.connectionCount === 0);
  const other = await connected(t, transport);
  let count = 0;
  transport.onMessage = () => count++;
  other.socket.send(OPTIONS);
  await waitFor('another one’s message', () => count === 1);
});

test('a malformed request is answered 400; noise is dropped; the WebSocket stays', async (t) => {
  const transport = await open(t);
  const peer = await connected(t, transport);
  peer.socket.send('noise');
  peer.socket.send(OPTIONS.replace('CSeq: 1 OPTIONS', 'CSeq: 1 INVITE'));
  await waitFor('the refusal', () => peer.frames.length === 1);
  assert.match(peer.frames[0] ?? '', /^SIP\/2\.0 400 /);
  assert.deepEqual([transport.counters.dropped, transport.counters.refused], [1, 1]);
});

test('frames that break the protocol end their WebSocket only', async (t) => {
  const transport = await open(t);
  const peer = await connected(t, transport);
  const raw = connect(transport.local.port, '127.0.0.1');
  t.after(() => raw.destroy());
  raw.on('error', () => {});
  const key = Buffer.alloc(16).toString('base64');
  raw.write(
    `GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: sip\r\n\r\n`,
  );
  await once(raw, 'data');
  const end = ended(raw);
  // Not masked, with reserved bits.
  raw.write(Buffer.from([0xf1, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f]));
  await end;
  await waitFor('one that is left', () => transport.connectionCount === 1);
  assert.equal(peer.closedWith, undefined);
});

test('one too many costs the stranger that was silent longest', async (t) => {
  const transport = await open(t, 2);
  transport.onMessage = (message, flow) => {
    assert.equal(message.kind, 'request');
    transport.send(Buffer.from(OPTIONS), flow, assert.fail);
  };
  const known = await connected(t, transport);
  known.socket.send(OPTIONS);
  await waitFor('a request of ours', () => known.frames.length === 1);
  const stranger = await connected(t, transport);
  await waitFor('both', () => transport.connectionCount === 2);
  await connected(t, transport);
  await waitFor('the end of the stranger', () => stranger.closedWith === 1001);
  assert.equal(known.closedWith, undefined);
});

test('nobody is called at a WebSocket that is gone: the flow is told closed, and sending fails', async (t) => {
  const transport = await open(t);
  const closed: number[] = [];
  transport.onFlowClosed = ({ remote }) => closed.push(remote.port);
  const peer = await connected(t, transport);
  peer.socket.close();
  await waitFor('the end', () => closed.length === 1);
  const [port = 0] = closed;
  const flow = transport.flowTo({ address: '127.0.0.1', port });
  const reason = await new Promise((resolve) => transport.send(Buffer.from(OPTIONS), flow, resolve));
  assert.equal(reason, 'its connection is gone');
});

test('close ends WebSockets, and those that never became one', async (t) => {
  const transport = await open(t);
  const peer = await connected(t, transport);
  const idle = connect(transport.local.port, '127.0.0.1');
  idle.on('error', () => {});
  await once(idle, 'connect');
  idle.write('GET / HTTP/1.1\r\n');
  const end = ended(idle);
  await transport.close();
  await end;
  await waitFor('the end', () => peer.closedWith === 1001);
});
