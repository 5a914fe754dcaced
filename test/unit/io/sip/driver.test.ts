import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { randomIds } from '../../../../src/io/random-ids.ts';
import { SipDriver, type TransactionUser } from '../../../../src/io/sip/driver.ts';
import { openSipUdpTransport } from '../../../../src/io/sip/udp-transport.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { TransactionEffect, TransactionEvent } from '../../../../src/sip/transaction/effects.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import type { TransportAddress } from '../../../../src/wire/ip-address.ts';
import { outgoing } from '../../sip/support.ts';

/** Fast timers, so that a real 64*T1 fits into a test; not so fast that a machine with other work to do outlasts them. */
const TIMERS = { t1Ms: 40, t2Ms: 160, t4Ms: 50 };

interface Note {
  readonly kind: 'note';
  readonly text: string;
}

/** An agent whose user notes each event and answers requests with a status. */
async function agent(t: TestContext, status = 200) {
  const ids = randomIds();
  const transport = await openSipUdpTransport({ host: '127.0.0.1', port: 0, ids });
  const layer = new TransactionLayer({ ids, timers: TIMERS });
  const notes: string[] = [];
  const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  let dueAt = Number.POSITIVE_INFINITY;
  const user: TransactionUser<Note> = {
    handleTransaction(now: number, event: TransactionEvent): (TransactionEffect | Note)[] {
      const note: Note = { kind: 'note', text: event.kind === 'response' ? String(event.response.status) : event.kind };
      return event.kind === 'request'
        ? [note, ...layer.respond(now, event.key, createResponse(event.request, status, { toTag: 'x' }))]
        : [note];
    },
    handleTimeout: () => {
      dueAt = Number.POSITIVE_INFINITY;
      return [{ kind: 'note', text: 'due' }];
    },
    nextTimeoutAt: () => dueAt,
    handleFlowClosed: () => [],
  };
  const driver = new SipDriver<Note>({
    layer,
    user,
    transports: [transport],
    perform: ({ text }) => {
      notes.push(text);
      for (const { resolve } of waiting.filter((wait) => wait.text === text)) {
        resolve();
      }
    },
  });
  t.after(async () => {
    driver.close();
    await transport.close();
  });
  return {
    driver,
    layer,
    transport,
    notes,
    until: (text: string) =>
      notes.includes(text) ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ text, resolve })),
    request: (method: string, remote: TransportAddress) =>
      driver.run((now) => layer.request(now, outgoing({ method }), transport.flowTo(remote)).effects),
    wakeAt: (at: number) =>
      driver.run(() => {
        dueAt = at;
        return [];
      }),
  };
}

test('a request finds its way to the other user, the response back, and both tables empty themselves', async (t) => {
  const [alice, bob] = [await agent(t), await agent(t)];
  alice.request('OPTIONS', bob.transport.local);
  await Promise.all([alice.until('terminated'), bob.until('terminated')]);
  assert.deepEqual(alice.notes, ['200', 'terminated']);
  assert.deepEqual(bob.notes, ['request', 'terminated']);
  assert.equal(alice.layer.clientCount + bob.layer.serverCount, 0);
});

test('an INVITE that is refused at once gets its final response, no 100, and is acknowledged', async (t) => {
  const [alice, bob] = [await agent(t), await agent(t, 486)];
  alice.request('INVITE', bob.transport.local);
  await bob.until('terminated');
  assert.deepEqual(alice.notes, ['486']);
  assert.deepEqual(bob.notes, ['request', 'terminated'], 'the ACK came: there is no ack-timeout');
});

test('without an answer the one timer retransmits and gives up', async (t) => {
  const alice = await agent(t);
  const silent = await openSipUdpTransport({ host: '127.0.0.1', port: 0, ids: randomIds() });
  t.after(() => silent.close());
  alice.request('INVITE', silent.local);
  await alice.until('terminated');
  assert.deepEqual(alice.notes, ['timeout', 'terminated']);
  assert.ok(silent.counters.received >= 3, `${silent.counters.received} datagrams`);
});

test('what the system refuses to send ends the transaction', async (t) => {
  const alice = await agent(t);
  alice.request('OPTIONS', { address: '255.255.255.255', port: 5060 });
  await alice.until('terminated');
  assert.deepEqual(alice.notes, ['transport-error', 'terminated']);
});

test('a flow of no socket of ours is a transport error as well', async (t) => {
  const alice = await agent(t);
  const flow = {
    ...alice.transport.flowTo({ address: '127.0.0.1', port: 5060 }),
    local: { address: '127.0.0.9', port: 1 },
  };
  alice.driver.run((now) => alice.layer.request(now, outgoing({ method: 'OPTIONS' }), flow).effects);
  await alice.until('terminated');
  assert.deepEqual(alice.notes, ['transport-error', 'terminated']);
});

test('the deadline of the user is served by the same timer', async (t) => {
  const alice = await agent(t);
  alice.wakeAt(performance.now() + 5);
  await alice.until('due');
  assert.deepEqual(alice.notes, ['due']);
});

test('after close nothing is told any more', async (t) => {
  const [alice, bob] = [await agent(t), await agent(t)];
  alice.request('OPTIONS', bob.transport.local);
  alice.driver.close();
  alice.request('OPTIONS', bob.transport.local);
  await bob.until('terminated');
  assert.deepEqual(alice.notes, []);
});

test('any number of effects at once is done, in order and in little time', async (t) => {
  const alice = await agent(t);
  const texts = Array.from({ length: 200_000 }, (_, index) => String(index));
  const startedAt = performance.now();
  alice.driver.run(() => texts.map((text) => ({ kind: 'note', text })));
  assert.ok(performance.now() - startedAt < 20_000, 'a queue that is copied for each effect takes minutes');
  assert.deepEqual(alice.notes, texts);
});
