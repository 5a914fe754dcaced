/** What every plane does alike. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { rtpDatagram } from '../../support/datagram-view.ts';
import { openPlaneWorld, PLANES, SESSION } from '../../support/plane-world.ts';
import { freePortRange } from '../../support/ports.ts';
import { boundUdpPorts } from '../../support/survivors.ts';
import { waitFor } from '../../support/wait.ts';

async function bound(t: TestContext, port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

for (const name of PLANES) {
  test(`${name}: a pair is two sockets, and none when one of them cannot be had`, async (t) => {
    const { open } = await openPlaneWorld(t, name);
    const port = freePortRange(4);
    assert.deepEqual(await open({ port }), { kind: 'opened' });
    assert.ok(boundUdpPorts().has(port) && boundUdpPorts().has(port + 1));

    await bound(t, port + 3);
    const outcome = await open({ side: 1, port: port + 2 });
    assert.equal(outcome.kind === 'failed' && outcome.reason, 'in-use');
    assert.ok(!boundUdpPorts().has(port + 2));
  });

  test(`${name}: an address that is not local is told from a port that is taken`, async (t) => {
    const { open } = await openPlaneWorld(t, name);
    const outcome = await open({ address: '203.0.113.7', port: freePortRange(2) });
    assert.equal(outcome.kind === 'failed' && outcome.reason, 'not-local');
  });

  test(`${name}: a new pair replaces the one that the leg has`, async (t) => {
    const { open } = await openPlaneWorld(t, name);
    const port = freePortRange(4);
    await open({ port });
    await open({ port: port + 2 });
    assert.ok(boundUdpPorts().has(port + 2));
    await waitFor('the end of the first pair', () => !boundUdpPorts().has(port) && !boundUdpPorts().has(port + 1));
  });

  test(`${name}: what arrives before the second leg is open is thrown away and teaches nothing`, async (t) => {
    const { plane, open } = await openPlaneWorld(t, name);
    const port = freePortRange(2);
    await open({ port });
    const sender = await bound(t, freePortRange(1));
    const header = { payloadType: 0, sequenceNumber: 1, timestamp: 0, ssrc: 1 };
    sender.send(rtpDatagram(header, Buffer.alloc(20)), port, '127.0.0.1');
    await waitFor('the packet', () => plane.totals.discarded === 1);
    assert.equal(plane.totals.received, 0);
    assert.equal(plane.leg(SESSION, 0)?.remote, undefined);
  });

  test(`${name}: a destination that the system refuses is counted, not thrown`, async (t) => {
    const { plane, open, events } = await openPlaneWorld(t, name);
    const port = freePortRange(4);
    await open({ side: 0, port });
    await open({ side: 1, port: port + 2 });
    plane.setPeer(SESSION, 0, { peer: { address: '255.255.255.255', port: 9 }, asymmetric: false });
    plane.commit();
    const sender = await bound(t, freePortRange(1));
    plane.setPeer(SESSION, 1, { peer: sender.address(), asymmetric: false });
    plane.commit();
    const header = { payloadType: 0, sequenceNumber: 1, timestamp: 0, ssrc: 1 };
    sender.send(rtpDatagram(header, Buffer.alloc(20)), port + 2, '127.0.0.1');
    await waitFor('the error', () => plane.totals.errors === 1);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['latched', 'first-packet'],
    );
  });

  test(`${name}: a session that ends while its pair is being opened keeps no socket`, async (t) => {
    const { plane, open } = await openPlaneWorld(t, name);
    const port = freePortRange(2);
    const outcome = open({ port });
    plane.end(SESSION);
    assert.equal((await outcome).kind, 'failed');
    await waitFor('the ports', () => !boundUdpPorts().has(port) && !boundUdpPorts().has(port + 1));
  });
}
