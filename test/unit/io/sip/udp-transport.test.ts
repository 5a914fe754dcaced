import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { ImsError } from '../../../../src/errors.ts';
import { randomIds } from '../../../../src/io/random-ids.ts';
import { openSipUdpTransport, type SipUdpTransport } from '../../../../src/io/sip/udp-transport.ts';
import type { SipMessage } from '../../../../src/sip/message/message.ts';
import { parseMessage } from '../../../../src/sip/message/parse.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';
import { RFC4475 } from '../../../vectors/sip/rfc4475.ts';
import { wire } from '../../sip/support.ts';

const OPTIONS = `OPTIONS sip:127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKx;rport
From: <sip:a@127.0.0.1>;tag=a
To: <sip:b@127.0.0.1>
Call-ID: c1
CSeq: 1 OPTIONS
`;

async function open(t: TestContext): Promise<SipUdpTransport> {
  const transport = await openSipUdpTransport({ host: '127.0.0.1', port: 0, ids: randomIds() });
  t.after(() => transport.close());
  return transport;
}

async function peer(t: TestContext): Promise<Socket> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function exchange(socket: Socket, transport: SipUdpTransport, bytes: Uint8Array): Promise<SipMessage> {
  const answer = once(socket, 'message');
  socket.send(bytes, transport.local.port, transport.local.address);
  const [received] = (await answer) as [Buffer];
  const result = parseMessage(received);
  assert.ok(result.ok);
  return result.value;
}

test('a message comes in with the flow that it came on', async (t) => {
  const transport = await open(t);
  const socket = await peer(t);
  const told = new Promise<[SipMessage, Flow]>((resolve) => {
    transport.onMessage = (message, flow) => resolve([message, flow]);
  });
  socket.send(wire(OPTIONS), transport.local.port, '127.0.0.1');
  const [message, flow] = await told;
  assert.equal(message.kind === 'request' && message.method, 'OPTIONS');
  assert.deepEqual(flow.remote, { address: '127.0.0.1', port: socket.address().port });
  assert.deepEqual(flow.local, transport.local);
  assert.deepEqual(flow.sentBy, transport.local);
});

test('a malformed request is answered 400 to where it came from, another version 505', async (t) => {
  const transport = await open(t);
  const socket = await peer(t);
  const bad = await exchange(socket, transport, wire(OPTIONS.replace('1 OPTIONS', '1 INVITE')));
  assert.equal(bad.kind === 'response' && bad.status, 400);
  assert.equal(bad.kind === 'response' && bad.reason, 'Bad Request (cseq-method-mismatch)');
  assert.match(bad.headers.get('Via') ?? '', new RegExp(`;rport=${socket.address().port};received=127.0.0.1`));
  assert.match(bad.headers.get('To') ?? '', /;tag=[0-9a-f]{20}$/);
  const version = await exchange(
    socket,
    transport,
    wire(OPTIONS.replace('sip:127.0.0.1 SIP/2.0', 'sip:127.0.0.1 SIP/3.0')),
  );
  assert.equal(version.kind === 'response' && version.status, 505);
  assert.equal(transport.counters.refused, 2);
});

test('garbage, keep-alives and malformed responses are counted and not answered', async (t) => {
  const transport = await open(t);
  const socket = await peer(t);
  const answers: Buffer[] = [];
  socket.on('message', (bytes) => answers.push(bytes));
  const settled = new Promise<void>((resolve) => {
    transport.onMessage = () => resolve();
  });
  const datagrams = [
    Buffer.from('garbage'),
    Buffer.alloc(9000, 0xff),
    Buffer.alloc(0),
    Buffer.from('\r\n\r\n'),
    Buffer.from('SIP/2.0 999 No\r\n\r\n'),
    Buffer.from([0xff, 0xfe, 0, 0, 0x0a, 0x0a]),
    wire(OPTIONS),
  ];
  for (const bytes of datagrams) {
    socket.send(bytes, transport.local.port, '127.0.0.1');
  }
  await settled;
  assert.equal(transport.counters.received, 7);
  assert.equal(transport.counters.keepAlives, 2);
  assert.equal(transport.counters.dropped, 4);
  assert.deepEqual(answers, []);
});

test('STUN: a keep-alive is answered with the address that it came from (RFC 5626 4.4.2)', async (t) => {
  const transport = await open(t);
  const socket = await peer(t);
  const answered = once(socket, 'message');
  const request = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex');
  socket.send(
    Buffer.concat([request.subarray(0, 3), Buffer.from([1]), request.subarray(4)]),
    transport.local.port,
    '127.0.0.1',
  );
  socket.send(request, transport.local.port, '127.0.0.1');
  const [bytes] = (await answered) as [Buffer];
  assert.equal(bytes.subarray(0, 20).toString('hex'), '0101000c2112a442b7e7a701bc34d686fa87dfae');
  assert.equal(bytes.readUInt16BE(26) ^ 0x2112, socket.address().port);
  assert.equal((bytes.readUInt32BE(28) ^ 0x2112a442) >>> 0, 0x7f000001);
  assert.equal(transport.counters.keepAlives, 1);
  assert.equal(transport.counters.dropped, 1);
});

test('every torture message leaves the socket alive', async (t) => {
  const transport = await open(t);
  const socket = await peer(t);
  const settled = new Promise<void>((resolve) => {
    transport.onMessage = (message) => message.headers.get('Call-ID') === 'c1' && resolve();
  });
  for (const { text } of RFC4475) {
    socket.send(Buffer.from(text.replace(/\n/g, '\r\n')), transport.local.port, '127.0.0.1');
  }
  socket.send(wire(OPTIONS), transport.local.port, '127.0.0.1');
  await settled;
  assert.equal(transport.counters.received, RFC4475.length + 1);
});

test('nothing is sent to a group, to everybody, to port 0 or to another family', async (t) => {
  const transport = await open(t);
  const targets = [
    '224.0.1.75:5060',
    '255.255.255.255:5060',
    '0.0.0.0:5060',
    '127.0.0.1:0',
    '[::1]:5060',
    'localhost:5060',
  ];
  for (const target of targets) {
    const colon = target.lastIndexOf(':');
    const remote = { address: target.slice(0, colon).replace(/[[\]]/g, ''), port: Number(target.slice(colon + 1)) };
    const reason = await new Promise((resolve) => transport.send(wire(OPTIONS), transport.flowTo(remote), resolve));
    assert.equal(reason, 'unroutable address', target);
  }
  assert.equal(transport.counters.sent, 0);
});

test('a taken port names the program that holds it', async (t) => {
  const first = await open(t);
  const second = openSipUdpTransport({ host: '127.0.0.1', port: first.local.port, ids: randomIds() });
  await assert.rejects(second, (error: unknown) => {
    assert.ok(error instanceof ImsError);
    assert.equal(error.code, 'IMS_ERR_PORT_IN_USE');
    assert.match(error.message, new RegExp(`udp 127\\.0\\.0\\.1:${first.local.port} is held by`));
    return true;
  });
});

test('an address of another machine is an error that says so', async () => {
  await assert.rejects(openSipUdpTransport({ host: '192.0.2.77', port: 0, ids: randomIds() }), (error: unknown) => {
    assert.ok(error instanceof ImsError);
    assert.equal(error.code, 'IMS_ERR_BIND');
    return true;
  });
});

test('close is idempotent, and sending afterwards is an error of that message only', async (t) => {
  const transport = await open(t);
  await Promise.all([transport.close(), transport.close()]);
  const flow = transport.flowTo({ address: '127.0.0.1', port: 5060 });
  assert.equal(await new Promise((resolve) => transport.send(wire(OPTIONS), flow, resolve)), 'closed');
});
