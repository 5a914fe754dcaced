/** What only the native plane has: threads that can die, the TOS byte, sockets that are closed after a handshake. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { isPlausibleRtp } from '../../../src/relay/media/packet.ts';
import type { MediaPlane, SessionId } from '../../../src/relay/plane.ts';
import { rtpDatagram } from '../../support/datagram-view.ts';
import { openNativeWorld, type PlaneWorld, SESSION } from '../../support/plane-world.ts';
import { freePortRange } from '../../support/ports.ts';
import { boundUdpPorts } from '../../support/survivors.ts';
import { waitFor } from '../../support/wait.ts';

interface Party {
  readonly socket: Socket;
  readonly address: { address: string; port: number };
  readonly received: Buffer[];
  /** A packet to the relay's port; the number is its sequence number. */
  send(number: number, port: number): void;
}

async function openParty(t: TestContext, address = '127.0.0.1', ssrc = 7): Promise<Party> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  t.after(() => socket.close());
  socket.bind(0, address);
  await once(socket, 'listening');
  const received: Buffer[] = [];
  socket.on('message', (bytes) => received.push(bytes));
  return {
    socket,
    address: { address, port: socket.address().port },
    received,
    send(sequenceNumber, port) {
      const header = { payloadType: 0, sequenceNumber, timestamp: Math.round(performance.now() * 8), ssrc };
      socket.send(rtpDatagram(header, Buffer.alloc(160, sequenceNumber)), port, address);
    },
  };
}

/** A complete session of `caller` (leg 1, at `port` + 2) and `callee` (leg 0, at `port`). */
async function connect({ plane, open }: PlaneWorld<MediaPlane>, caller: Party, callee: Party): Promise<number> {
  const port = freePortRange(4);
  for (const [side, party] of [callee, caller].entries()) {
    const { address } = party.address;
    const family = address.includes(':') ? 6 : 4;
    assert.deepEqual(await open({ side: side as 0 | 1, port: port + 2 * side, address, family }), { kind: 'opened' });
    plane.setPeer(SESSION, side as 0 | 1, { peer: party.address, asymmetric: false });
    plane.commit();
  }
  return port;
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

test('RTP and RTCP pass between IPv4 and IPv6, and are counted before they leave', async (t) => {
  const world = await openNativeWorld(t);
  const caller = await openParty(t, '::1');
  const callee = await openParty(t);
  const port = await connect(world, caller, callee);
  for (let number = 1; number <= 3; number += 1) {
    caller.send(number, port + 2);
    await waitFor('a packet of the caller', () => callee.received.length === number);
    assert.equal(world.plane.leg(SESSION, 1)?.counters.rtpRelayed, number);
  }
  callee.send(1, port);
  await waitFor('a packet of the callee', () => caller.received.length === 1);
  assert.ok(callee.received.every(isPlausibleRtp));
  assert.deepEqual(world.plane.leg(SESSION, 1)?.remote, caller.address);
  assert.deepEqual(world.plane.leg(SESSION, 0)?.remote, callee.address);
  const { analysis } = world.plane.leg(SESSION, 1)?.counters ?? {};
  assert.deepEqual([analysis?.received, analysis?.lost], [3, 0]);
  const { received, relayed, discarded, errors } = world.plane.totals;
  assert.deepEqual([received, relayed, discarded, errors], [4, 4, 0, 0]);
});

test('a thread that dies is replaced; its sessions go on with the same ports, sources and counters', async (t) => {
  const world = await openNativeWorld(t, 1);
  const caller = await openParty(t);
  const callee = await openParty(t);
  const port = await connect(world, caller, callee);
  world.plane.setPeer(SESSION, 1, { peer: { address: '127.0.0.1', port: 9 }, asymmetric: false });
  world.plane.commit();
  // A run of packets proves a source, though signalling names another port.
  await waitFor('the port that signalling names now', () => world.plane.leg(SESSION, 1)?.remote?.port === 9);
  let sent = 0;
  await waitFor('a packet of the learned source', () => {
    sent += 1;
    caller.send(sent, port + 2);
    return callee.received.length > 0;
  });
  assert.deepEqual(world.plane.leg(SESSION, 1)?.remote, caller.address);
  // Nothing is half way when the thread is killed.
  await waitFor('all of them', () => {
    const { rtpAccepted = 0, rtpRefused = 0 } = world.plane.leg(SESSION, 1)?.counters ?? {};
    return rtpAccepted + rtpRefused === sent;
  });
  const before = world.plane.leg(SESSION, 1)?.counters.rtpAccepted ?? 0;
  const heard = callee.received.length;
  const [worker] = world.plane.workers;
  for (let death = 1; death <= 2; death += 1) {
    await worker?.kill();
    sent += 1;
    caller.send(sent, port + 2);
    callee.send(sent, port);
    await waitFor('what was sent while nobody was there', () => caller.received.length === death);
    await waitFor('the same of the caller', () => callee.received.length >= heard + death);
  }
  assert.deepEqual(world.plane.leg(SESSION, 1)?.remote, caller.address);
  const { rtpAccepted = 0, analysis } = world.plane.leg(SESSION, 1)?.counters ?? {};
  assert.ok(rtpAccepted >= before + 2);
  assert.equal(analysis?.lost, 0);
});

test('a thread that is stuck is ended, and another one takes its sessions', async (t) => {
  const armed = new Int32Array(new SharedArrayBuffer(4));
  const offload = {
    entry: new URL('../../fixtures/stuck-media-worker.js', import.meta.url),
    birth: () => armed.buffer,
    passedOn: () => undefined,
    lost: () => {},
    close: () => {},
  };
  const world = await openNativeWorld(t, 1, { offload, lookMs: 300 });
  const caller = await openParty(t);
  const callee = await openParty(t);
  const port = await connect(world, caller, callee);
  callee.send(1, port);
  await waitFor('a packet', () => caller.received.length === 1);
  Atomics.store(armed, 0, 1);
  caller.send(1, port + 2);
  await waitFor('the thread to get stuck', () => Atomics.load(armed, 0) === 0);
  callee.send(2, port);
  await waitFor('what came while it was stuck', () => caller.received.length === 2);
});

test('sessions spread over the threads; ended ones leave no descriptor, also when their thread is dead', async (t) => {
  const { plane, open } = await openNativeWorld(t, 2);
  const before = descriptors();
  const first = freePortRange(40);
  for (let id = 1; id <= 10; id += 1) {
    for (const side of [0, 1] as const) {
      const port = first + 4 * (id - 1) + 2 * side;
      assert.equal((await open({ session: id as SessionId, side, port })).kind, 'opened');
    }
  }
  assert.deepEqual(
    plane.workers.map(({ load }) => load),
    [5, 5],
  );
  assert.equal(descriptors(), before + 40);
  for (let id = 1; id <= 5; id += 1) {
    plane.end(id as SessionId);
  }
  const killed = plane.workers[0]?.kill();
  for (let id = 6; id <= 10; id += 1) {
    plane.end(id as SessionId);
  }
  await killed;
  await waitFor('the end of every socket', () => descriptors() <= before);
  assert.deepEqual(
    plane.workers.map(({ load }) => load),
    [0, 0],
  );
});

test('a port is free again as soon as its session was ended', async (t) => {
  const { plane, open } = await openNativeWorld(t);
  const port = freePortRange(2);
  for (let id = 1; id <= 50; id += 1) {
    assert.deepEqual(await open({ session: id as SessionId, port }), { kind: 'opened' }, `session ${id}`);
    plane.end(id as SessionId);
  }
  await waitFor('the port', () => !boundUdpPorts().has(port));
});

test('a tap has every packet that was accepted before it was closed, in order', async (t) => {
  const world = await openNativeWorld(t);
  const caller = await openParty(t);
  const callee = await openParty(t);
  const port = await connect(world, caller, callee);
  world.plane.tap(SESSION, 1, true);
  world.plane.commit();
  for (let number = 1; number <= 100; number += 1) {
    caller.send(number, port + 2);
    await waitFor('the packet', () => callee.received.length === number);
  }
  world.plane.tap(SESSION, 1, false);
  const from = `1/1/rtp/127.0.0.1:${caller.address.port}`;
  assert.deepEqual(
    world.copies.map((copy) => [copy.from, copy.bytes.toString('hex')]),
    callee.received.map((bytes) => [from, bytes.toString('hex')]),
  );
});

test('a destination that the system refuses is counted by its error, and does not keep the thread busy', async (t) => {
  const world = await openNativeWorld(t, 1);
  const caller = await openParty(t);
  const callee = await openParty(t);
  const port = await connect(world, caller, callee);
  world.plane.setPeer(SESSION, 0, { peer: { address: '255.255.255.255', port: 9 }, asymmetric: false });
  world.plane.commit();
  caller.send(1, port + 2);
  await waitFor('the error', () => world.plane.totals.errorsOf('EACCES') === 1);
  world.plane.setPeer(SESSION, 0, { peer: { address: '::1', port: 9 }, asymmetric: false });
  world.plane.commit();
  caller.send(2, port + 2);
  await waitFor(
    'the other error',
    () => world.plane.totals.errorsOf('EAFNOSUPPORT') + world.plane.totals.errorsOf('EINVAL') === 1,
  );
  assert.equal(world.plane.totals.errors, 2);
});

test('close is complete: no descriptor, no thread', async (t) => {
  const before = descriptors();
  const world = await openNativeWorld(t);
  const caller = await openParty(t);
  const callee = await openParty(t);
  await connect(world, caller, callee);
  await world.plane.close();
  await world.plane.close();
  // The two parties' own sockets are left.
  await waitFor('the end of what the plane had open', () => descriptors() <= before + 2);
});
