import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { ImsError } from '../../../src/errors.ts';
import { openRtppClient } from '../../../src/io/rtpp-client-driver.ts';

/** A UDP service that answers each datagram with the lines that `answer` gives. */
async function responder(
  t: TestContext,
  answer: (text: string) => string[],
  port = 0,
): Promise<{ port: number; socket: Socket; close(): Promise<void> }> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    for (const line of answer(bytes.toString('latin1'))) {
      socket.send(line, from.port, from.address);
    }
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  let open = true;
  const close = async (): Promise<void> => {
    if (open) {
      open = false;
      socket.close();
      await once(socket, 'close');
    }
  };
  t.after(close);
  return { port: socket.address().port, socket, close };
}

async function client(t: TestContext, port: number) {
  const opened = await openRtppClient({ host: '127.0.0.1', port });
  t.after(() => opened.close());
  return opened;
}

/** A relay that knows `V` and two capabilities. */
function relay(text: string): string[] {
  const [cookie, verb, date] = text.split(' ');
  if (verb === 'V') {
    return [`${cookie} 20040107\n`];
  }
  return [`${cookie} ${verb === 'VF' && (date === '20040107' || date === '20050322') ? 1 : 0}\n`];
}

test('500 commands in flight at once each get their own reply', async (t) => {
  const { port } = await responder(t, (text) => {
    const [cookie, , number] = text.split(' ');
    return [`${cookie} ${number}\n`];
  });
  const rtpp = await client(t, port);
  const outcomes = await Promise.all(Array.from({ length: 500 }, (_, i) => rtpp.request(`VF ${i}`)));
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'reply' && outcome.reply.kind === 'number' && outcome.reply.value),
    Array.from({ length: 500 }, (_, i) => i),
  );
});

test('a lost datagram is sent again under the same cookie', async (t) => {
  const cookies: string[] = [];
  const { port } = await responder(t, (text) => {
    const [cookie = ''] = text.split(' ');
    cookies.push(cookie);
    return cookies.length < 3 ? [] : [`${cookie} 7\n`];
  });
  const rtpp = await client(t, port);
  const outcome = await rtpp.request('V', { firstMs: 10, factor: 2, budgetMs: 2000 });
  assert.equal(outcome.kind, 'reply');
  assert.equal(cookies.length, 3);
  assert.equal(new Set(cookies).size, 1);
});

test('a closed port refuses at once, and the same client speaks to the relay that comes back there', async (t) => {
  const first = await responder(t, relay);
  const rtpp = await client(t, first.port);
  assert.equal((await rtpp.request('V')).kind, 'reply');
  await first.close();
  const startedAt = performance.now();
  assert.deepEqual(await rtpp.request('V'), { kind: 'refused' });
  assert.deepEqual(await rtpp.request('V'), { kind: 'refused' });
  assert.ok(performance.now() - startedAt < 250, 'no retransmission was waited for');
  await responder(t, relay, first.port);
  assert.equal((await rtpp.request('V')).kind, 'reply');
});

test('a relay that stays silent times out within the budget', async (t) => {
  const { port } = await responder(t, () => []);
  const rtpp = await client(t, port);
  assert.deepEqual(await rtpp.request('V', { firstMs: 10, budgetMs: 50 }), { kind: 'timeout' });
});

test('a stranger on the same host cannot answer in the relay’s place', async (t) => {
  const stranger = createSocket('udp4');
  t.after(() => stranger.close());
  const { port } = await responder(t, (text) => {
    stranger.send(`${text.split(' ')[0]} 666\n`, rtpp.local.port, rtpp.local.address);
    return [];
  });
  const rtpp = await client(t, port);
  assert.deepEqual(await rtpp.request('V', { firstMs: 30, budgetMs: 100 }), { kind: 'timeout' });
});

test('close settles what is in flight and may be called twice', async (t) => {
  const { port } = await responder(t, () => []);
  const rtpp = await client(t, port);
  const waiting = rtpp.request('V');
  await Promise.all([rtpp.close(), rtpp.close()]);
  assert.deepEqual(await waiting, { kind: 'closed' });
  assert.deepEqual(await rtpp.request('V'), { kind: 'closed' });
});

test('probe: rtpproxy with its version and capabilities', async (t) => {
  const { port } = await responder(t, relay);
  assert.deepEqual(await (await client(t, port)).probe(), {
    kind: 'rtpproxy',
    version: '20040107',
    ecode: undefined,
    capabilities: ['20040107', '20050322'],
  });
});

test('probe: absent when refused', async (t) => {
  const { port, close } = await responder(t, relay);
  await close();
  assert.deepEqual(await (await client(t, port)).probe(), { kind: 'absent' });
});

test('probe: foreign when another protocol answers', async (t) => {
  const { port } = await responder(t, () => ['SIP/2.0 400 Bad Request\r\n\r\n']);
  assert.deepEqual(await (await client(t, port)).probe(), {
    kind: 'foreign',
    answer: 'SIP/2.0 400 Bad Request\r\n\r\n',
  });
});

test('probe: silent after three tries of 500 ms', async (t) => {
  const heard: string[] = [];
  const { port } = await responder(t, (text) => {
    heard.push(text);
    return [];
  });
  assert.deepEqual(await (await client(t, port)).probe(), { kind: 'silent' });
  assert.equal(heard.length, 3);
});

test('an address that cannot be used is the operator’s mistake', async () => {
  await assert.rejects(openRtppClient({ host: 'no-such-host.invalid', port: 7722 }), (error) => {
    return (
      error instanceof ImsError && error.code === 'IMS_ERR_RELAY_ADDRESS' && error.message.includes('no-such-host')
    );
  });
});
