/** RFC 3261 18.1.1 with real sockets: a request too large for UDP at a peer with TCP, without it, and behind a firewall. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { randomIds } from '../../../../src/io/random-ids.ts';
import { SipDriver, type TransactionUser } from '../../../../src/io/sip/driver.ts';
import { openSipStreamTransport } from '../../../../src/io/sip/stream-transport.ts';
import type { SipTransport } from '../../../../src/io/sip/transport.ts';
import { openSipUdpTransport } from '../../../../src/io/sip/udp-transport.ts';
import { via } from '../../../../src/sip/message/headers/via.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { TransactionEvent } from '../../../../src/sip/transaction/effects.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import { waitFor } from '../../../support/wait.ts';
import { outgoing } from '../../sip/support.ts';

const ids = randomIds();
const HERE = { host: '127.0.0.1', ids };

/** A user agent that answers every request with 200 and notes what came, by which way and what its Via says of it. */
function agent(t: TestContext, transports: readonly SipTransport[]) {
  const [udp, tcp] = transports as readonly [SipTransport, SipTransport?];
  const layer = new TransactionLayer({
    ids,
    largeRequests: { limitBytes: () => 1300, flowTo: (remote) => tcp?.flowTo(remote) },
  });
  const notes: string[] = [];
  const user: TransactionUser<never> = {
    handleTransaction: (now, event: TransactionEvent) => {
      if (event.kind === 'request') {
        const transport = event.request.headers.read(via)?.transport;
        notes.push(`${event.request.method} by ${event.flow.transport} as ${transport}`);
        return layer.respond(now, event.key, createResponse(event.request, 200, { toTag: 'x' }));
      }
      notes.push(event.kind === 'response' ? String(event.response.status) : event.kind);
      return [];
    },
    handleTimeout: () => [],
    nextTimeoutAt: () => Number.POSITIVE_INFINITY,
    handleFlowClosed: () => [],
  };
  const driver = new SipDriver<never>({ layer, user, transports, perform: () => {} });
  t.after(async () => {
    driver.close();
    await Promise.all(transports.map((transport) => transport.close()));
  });
  const send = (method: string, port: number): void => {
    const uri = `sip:1002@127.0.0.1:${port}`;
    const request = outgoing({ method, uri, extra: `Subject: ${'x'.repeat(1300)}` });
    driver.run((now) => layer.request(now, request, udp.flowTo({ address: '127.0.0.1', port })).effects);
  };
  return { notes, send, local: udp.local };
}

function openTcp(port = 0): Promise<SipTransport> {
  return openSipStreamTransport({ ...HERE, kind: 'tcp', port, maxConnections: 10 });
}

async function openBoth(): Promise<readonly SipTransport[]> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const udp = await openSipUdpTransport({ ...HERE, port: 0 });
    try {
      return [udp, await openTcp(udp.local.port)];
    } catch {
      // Somebody has that port for TCP.
      await udp.close();
    }
  }
  throw new Error('no port that is free for UDP and TCP');
}

function answered({ notes }: { readonly notes: readonly string[] }): Promise<unknown> {
  return waitFor('the answer', () => notes.includes('200'), { timeoutMs: 30_000 });
}

test('a peer with TCP gets it over TCP, and answers there', async (t) => {
  const [alice, bob] = [agent(t, await openBoth()), agent(t, await openBoth())];
  alice.send('MESSAGE', bob.local.port);
  await answered(alice);
  assert.deepEqual(bob.notes[0], 'MESSAGE by tcp as TCP');
});

test('a peer without TCP refuses the connection at once, and gets it over UDP', async (t) => {
  const alice = agent(t, await openBoth());
  const [udp, tcp] = (await openBoth()) as [SipTransport, SipTransport];
  await tcp.close();
  const bob = agent(t, [udp]);
  alice.send('INVITE', bob.local.port);
  await answered(alice);
  assert.deepEqual(bob.notes[0], 'INVITE by udp as UDP');
});

test('a firewall that drops connections costs a moment, once', async (t) => {
  const alice = agent(t, await openBoth());
  const [udp, tcp] = (await openBoth()) as [SipTransport, SipTransport];
  await tcp.close();
  await dropConnections(t, udp.local.port);
  const bob = agent(t, [udp]);
  alice.send('MESSAGE', bob.local.port);
  await answered(alice);
  alice.send('MESSAGE', bob.local.port);
  const messages = (): string[] => bob.notes.filter((note) => note.startsWith('MESSAGE'));
  await waitFor('the second one', () => messages().length === 2);
  assert.deepEqual(messages(), ['MESSAGE by udp as UDP', 'MESSAGE by udp as UDP']);
});

/** That port gets an owner who never looks, and whose queue is full: further connections are dropped without a word. */
async function dropConnections(t: TestContext, port: number): Promise<void> {
  const script = `require('node:net').createServer().listen({ host: '127.0.0.1', port: ${port}, backlog: 1 }, () => {
    process.kill(process.pid, 'SIGSTOP');
  });`;
  const owner = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  t.after(async () => {
    const exited = once(owner, 'exit');
    owner.kill('SIGKILL');
    await exited;
  });
  await waitFor('a stopped owner', async () => /\) T /.test(await readFile(`/proc/${owner.pid}/stat`, 'utf8')));
  // One more than the length of the queue is taken; the others wait for their SYN to be sent again.
  let taken = 0;
  for (let count = 0; count < 4; count++) {
    const caller = connect({ host: '127.0.0.1', port });
    caller.on('error', () => {});
    caller.once('connect', () => taken++);
    t.after(() => void caller.destroy());
  }
  await waitFor('a full queue', () => taken >= 2);
}
