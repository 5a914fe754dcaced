/** Each verdict of the media proof is shown to be able to fail, on a relay that has just that fault. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { boundMediaAddress } from '../../../../src/app/media/address.ts';
import { type MediaProbeOptions, proveMedia, QUICK_PROOF, THOROUGH_PROOF } from '../../../../src/app/media/probe.ts';
import type { MediaProof } from '../../../../src/app/media/proof.ts';
import { openRtppClient } from '../../../../src/io/rtpp-client-driver.ts';
import { type FaultyRelayOptions, openFaultyRelay, type RelayFault } from '../../../fixtures/faulty-relay.ts';
import { freePortRange } from '../../../support/ports.ts';

async function prove(
  t: TestContext,
  fault: RelayFault,
  options: Partial<MediaProbeOptions> & { relay?: FaultyRelayOptions } = {},
): Promise<MediaProof> {
  const relay = await openFaultyRelay(fault, options.relay);
  t.after(() => relay.close());
  const client = await openRtppClient({ host: '127.0.0.1', port: relay.port });
  t.after(() => client.close());
  const proof = await proveMedia({
    ...THOROUGH_PROOF,
    packets: 20,
    intervalMs: 2,
    settleMs: 100,
    ...options,
    client,
  });
  assert.equal(relay.sessions, 0, 'the session was deleted');
  return proof;
}

function deadOf(proof: MediaProof): string[] {
  return proof.directions.filter(({ ok }) => !ok).map(({ component, from }) => `${component} ${from}`);
}

test('a good relay: all four directions, nothing lost, the delay known', async (t) => {
  const proof = await prove(t, 'none');
  assert.ok(proof.ok);
  assert.deepEqual(proof.findings, []);
  assert.deepEqual(
    proof.directions.map(({ component, from, sent, received }) => [component, from, sent, received]),
    [
      ['rtp', 'caller', 20, 20],
      ['rtp', 'callee', 20, 20],
      ['rtcp', 'caller', 5, 5],
      ['rtcp', 'callee', 5, 5],
    ],
  );
  for (const { delayP50Ms, delayP99Ms } of proof.directions) {
    assert.ok(delayP50Ms !== undefined && delayP99Ms !== undefined);
    assert.ok(delayP50Ms >= 0 && delayP50Ms <= delayP99Ms && delayP99Ms < 1000);
  }
  assert.deepEqual(proof.advertised, { address: '127.0.0.1', kind: 'bound', sent: 0, received: 0 });
});

test('RTCP that is dropped fails the proof although RTP passes', async (t) => {
  const proof = await prove(t, 'drops-rtcp');
  assert.equal(proof.ok, false);
  assert.equal(proof.rtpOk, true);
  assert.deepEqual(deadOf(proof), ['rtcp caller', 'rtcp callee']);
  assert.deepEqual(proof.findings, [
    'RTP passes but RTCP does not: the odd ports are not forwarded; open the whole port range, odd ports included',
  ]);
});

test('a one-way relay: the dead directions are named', async (t) => {
  const proof = await prove(t, 'one-way');
  assert.equal(proof.rtpOk, false);
  assert.deepEqual(deadOf(proof), ['rtp callee', 'rtcp callee']);
  assert.match(proof.findings[0] ?? '', /^RTP from callee to caller does not pass: none of 20 packets sent to 127/);
  assert.match(proof.findings[1] ?? '', /^RTCP from callee to caller does not pass/);
});

test('a relay that forwards nothing', async (t) => {
  const proof = await prove(t, 'forwards-nothing');
  assert.equal(deadOf(proof).length, 4);
  assert.match(proof.findings.join(), /^nothing passes: the relay granted 127\.0\.0\.1:\d+ and 127/);
});

test('an altered payload is found by one bit', async (t) => {
  const proof = await prove(t, 'alters-payload');
  assert.deepEqual(deadOf(proof), ['rtp caller', 'rtp callee']);
  assert.match(proof.findings[0] ?? '', /^RTP from caller to callee is altered on its way: 20 packets/);
});

test('a source port that nobody was told is found', async (t) => {
  const proof = await prove(t, 'wrong-source');
  assert.equal(deadOf(proof).length, 4);
  assert.equal(proof.directions[0]?.received, 20);
  assert.match(proof.findings[0] ?? '', /^RTP from caller to callee arrives from port \d+ instead of \d+/);
});

test('doubled, lossy and reordered streams are found', async (t) => {
  assert.match((await prove(t, 'doubles')).findings[0] ?? '', /is doubled: 20 of 20/);
  assert.match((await prove(t, 'lossy')).findings[0] ?? '', /is lossy: 10 of 20 packets were lost/);
  assert.match((await prove(t, 'reorders')).findings[0] ?? '', /is out of order: 10 of 20/);
});

test('a relay without ports: the E-code in words, and what usually lies behind it', async (t) => {
  const proof = await prove(t, 'no-ports');
  assert.equal(proof.ok, false);
  assert.deepEqual(proof.directions, []);
  assert.match(proof.findings[0] ?? '', /^the relay grants no port for the offer: it answers E72: no port.*-l/);
});

test('a relay that forgets the session before the answer', async (t) => {
  const proof = await prove(t, 'forgets');
  assert.match(proof.findings[0] ?? '', /^the relay grants no port for the answer: 0/);
});

test('the quick form is over at once on a good relay, and within its half second on a dead one', async (t) => {
  const startedAt = performance.now();
  assert.ok((await prove(t, 'none', QUICK_PROOF)).ok);
  // Ten milliseconds on an idle machine.
  assert.ok(performance.now() - startedAt < 5000);
  assert.equal((await prove(t, 'forwards-nothing', QUICK_PROOF)).ok, false);
  assert.ok((await prove(t, 'lossy', QUICK_PROOF)).ok, 'one packet each way is enough');
});

test('packets go where the relay is bound, not where it says that it is (1:1 NAT)', async (t) => {
  const proof = await prove(t, 'none', { relay: { bind: '127.0.0.5', told: '203.0.113.9' } });
  assert.ok(proof.ok, proof.findings.join());
  assert.equal(proof.media?.caller.address, '127.0.0.5');
  assert.deepEqual(proof.advertised, { address: '203.0.113.9', kind: 'not-tried', sent: 0, received: 0 });
});

test('a relay bound to all addresses is met on the loopback one', async (t) => {
  const proof = await prove(t, 'none', { relay: { bind: '0.0.0.0', told: undefined } });
  assert.ok(proof.ok, proof.findings.join());
  assert.equal(proof.media?.caller.address, '127.0.0.1');
  assert.equal(proof.advertised, undefined);
});

test('an advertised address of this host is tried in a session of its own', async (t) => {
  const reached = await prove(t, 'none', { relay: { bind: '0.0.0.0', told: '127.0.0.9' } });
  assert.ok(reached.ok, reached.findings.join());
  assert.equal(reached.advertised?.kind, 'reached');
  const unreached = await prove(t, 'none', { relay: { bind: '127.0.0.5', told: '127.0.0.9' } });
  assert.ok(unreached.ok, 'for information only');
  assert.deepEqual(unreached.advertised, { address: '127.0.0.9', kind: 'unreached', sent: 10, received: 0 });
});

test('a media address of another host gets no packet unless that is allowed', async (t) => {
  const proof = await prove(t, 'none', { mediaAddress: '203.0.113.9' });
  assert.equal(proof.ok, false);
  assert.match(proof.findings[0] ?? '', /203\.0\.113\.9 is not one of this host.*--allow-remote/);
});

test('a relay that went away is a finding', async (t) => {
  const relay = await openFaultyRelay('none');
  const client = await openRtppClient({ host: '127.0.0.1', port: relay.port });
  t.after(() => client.close());
  relay.close();
  const proof = await proveMedia({ ...QUICK_PROOF, client });
  assert.deepEqual(proof.findings, ['the relay grants no port for the offer: connection refused']);
});

test('a stranger on the same port of another address is not the relay: it has no RTCP port above it', async (t) => {
  const relay = createSocket('udp4');
  const rtcp = createSocket('udp4');
  const stranger = createSocket('udp4');
  t.after(() => {
    relay.close();
    rtcp.close();
    stranger.close();
  });
  const bind = async (socket: Socket, port: number, address: string): Promise<number> => {
    socket.bind(port, address);
    await once(socket, 'listening');
    return socket.address().port;
  };
  const port = freePortRange(2);
  await bind(relay, port, '127.0.0.5');
  await bind(rtcp, port + 1, '127.0.0.5');
  await bind(stranger, port, '127.0.0.1');
  const control = { address: '127.0.0.1', port: 7722 };
  assert.equal(boundMediaAddress({ port, told: '203.0.113.9', control }), '127.0.0.5');
});
