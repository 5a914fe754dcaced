import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { isOptionsPing, pingSipOptions } from '../../../../src/io/sip/options-ping.ts';
import { formatMessage } from '../../../../src/sip/message/format.ts';
import { parseMessage } from '../../../../src/sip/message/parse.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';

async function server(t: TestContext, answer: (request: string) => string | undefined): Promise<number> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.on('message', (bytes, peer) => {
    const reply = answer(bytes.toString('latin1'));
    if (reply !== undefined) {
      socket.send(reply, peer.port, peer.address);
    }
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
}

test('any response to our own request is an answer, also a refusal', async (t) => {
  const port = await server(t, (request) => request.replace(/^.*\r\n/, 'SIP/2.0 503 Service Unavailable\r\n'));
  assert.equal(await pingSipOptions({ address: '127.0.0.1', port }, 2000), 'answered');
});

test('a response to something else, or no SIP, is none', async (t) => {
  const replies = ['SIP/2.0 200 OK\r\nCall-ID: other\r\n\r\n', 'HTTP/1.1 200 OK'];
  const port = await server(t, () => replies.shift());
  assert.equal(await pingSipOptions({ address: '127.0.0.1', port }, 200), 'silent');
});

test('the request is sent again when it was lost', async (t) => {
  let seen = 0;
  const port = await server(t, (request) => {
    seen += 1;
    return seen === 1 ? undefined : request.replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n');
  });
  assert.equal(await pingSipOptions({ address: '127.0.0.1', port }, 3000), 'answered');
});

test('nobody listens: known at once', async (t) => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  const before = performance.now();
  assert.equal(await pingSipOptions({ address: '127.0.0.1', port }, 5000), 'refused');
  assert.ok(performance.now() - before < 1000);
  t.diagnostic('refused by ICMP');
});

test('the request is one that our own parser takes', async (t) => {
  let request = '';
  const port = await server(t, (text) => {
    request = text;
    return text.replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n');
  });
  await pingSipOptions({ address: '127.0.0.1', port }, 2000);
  assert.equal(parseMessage(Buffer.from(request)).ok, true);
});

test('such a request and its answer are known, from this host; no other message is', async (t) => {
  let asked = '';
  const port = await server(t, (request) => {
    asked = request;
    return request.replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n');
  });
  await pingSipOptions({ address: '127.0.0.1', port }, 5000);
  const parsed = parseMessage(Buffer.from(asked));
  assert.ok(parsed.ok && parsed.value.kind === 'request');
  const answer = formatMessage(createResponse(parsed.value, 200, { toTag: 'x', headers: [], body: Buffer.alloc(0) }));
  const isPing = (bytes: Uint8Array | string, address = '127.0.0.1') =>
    isOptionsPing(Buffer.from(bytes), {
      remote: { address, port: 5062 },
      sentBy: { address: '192.0.2.1', port: 5060 },
    });
  assert.deepEqual([isPing(asked), isPing(answer), isPing(asked, '192.0.2.1')], [true, true, true]);
  assert.equal(isPing(asked, '192.0.2.7'), false, 'a stranger is seen');
  assert.equal(isPing(asked.replaceAll('OPTIONS', 'INVITE')), false);
  assert.equal(isPing(asked.replace('Call-ID: ping-', 'Call-ID: x')), false);
  assert.equal(isPing(''), false);
});
