/** `--latching=rtpproxy`: what rtpproxy 3.2 was seen to do, its weaknesses included. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latchPolicy } from '../../../src/relay/latching/index.ts';
import { rtcpDatagram, rtpDatagram } from '../../support/datagram-view.ts';

const A = { address: '198.51.100.1', port: 4000 };
const B = { address: '203.0.113.9', port: 5000 };
const C = { address: '192.0.2.3', port: 6000 };

type Source = typeof A;

function rtp(sequenceNumber: number, ssrc = 1): Buffer {
  return rtpDatagram({ payloadType: 0, sequenceNumber, timestamp: 0, ssrc }, Buffer.alloc(160));
}

function open(peer?: Source, asymmetric = false) {
  const policy = latchPolicy({ mode: 'rtpproxy', hearsLoopback: false });
  const latch = policy.rtp();
  const rtcp = policy.rtcp(latch);
  latch.signal(0, { peer, asymmetric });
  return {
    latch,
    rtcp,
    rtp: (now: number, from: Source, packet: Uint8Array) => latch.admit(now, from.address, from.port, packet),
    report: (now: number, from: Source) => rtcp.admit(now, from.address, from.port, rtcpDatagram(1, 'a')),
  };
}

test('the first packet of anybody is believed, and media goes there at once', () => {
  for (const peer of [undefined, A]) {
    const leg = open(peer);
    assert.equal(leg.rtp(20_000, B, Buffer.from('x')), 'latched');
    assert.deepEqual(leg.latch.remote, B);
    assert.deepEqual(leg.rtcp.remote, { ...B, port: 5001 });
  }
});

test('latched at the signalled address: another source needs the SSRC and a sequence within 536', () => {
  const leg = open(A);
  assert.equal(leg.rtp(20_000, A, rtp(1000)), 'accepted');
  assert.equal(leg.rtp(20_020, B, rtp(1001, 2)), 'refused');
  assert.equal(leg.rtp(20_040, B, rtp(1600)), 'refused');
  assert.equal(leg.rtp(20_060, B, rtp(1400)), 'latched');
  assert.deepEqual(leg.latch.remote, B);
});

test('an address that was only signalled is replaced by signalling at once', () => {
  const leg = open(A);
  leg.latch.signal(100, { peer: C, asymmetric: false });
  assert.deepEqual(leg.latch.remote, C);
});

test('an address that was learned is never replaced by signalling, but by any RTP in the 10 s after it', () => {
  const leg = open(A);
  leg.rtp(20_000, A, rtp(1));
  leg.rtp(20_020, B, rtp(2));
  leg.latch.signal(30_000, { peer: C, asymmetric: false });
  assert.deepEqual(leg.latch.remote, B);
  assert.equal(leg.rtp(30_020, C, Buffer.from('no RTP')), 'refused');
  assert.equal(leg.rtp(30_040, C, rtp(40_000, 99)), 'latched');
  assert.equal(leg.rtp(30_060, A, rtp(7, 98)), 'latched', 'again and again');
  assert.equal(leg.rtp(40_001, C, rtp(8, 97)), 'refused', 'the window is closed');
});

test('learned without a signalled address the SSRC is not remembered until it changes', () => {
  const leg = open();
  leg.rtp(20_000, A, rtp(1));
  assert.equal(leg.rtp(20_020, B, rtp(2)), 'refused', 'even with the same SSRC');
  leg.rtp(20_040, A, rtp(10, 5));
  assert.equal(leg.rtp(20_060, B, rtp(11, 5)), 'latched', 'from then on it is known');
});

test('the remembered sequence follows the stream once a second', () => {
  const leg = open(A);
  leg.rtp(20_000, A, rtp(1000));
  leg.rtp(20_500, A, rtp(1500));
  assert.equal(leg.rtp(20_520, B, rtp(1600)), 'refused');
  leg.rtp(21_100, A, rtp(1550));
  assert.equal(leg.rtp(21_120, B, rtp(1600)), 'latched');
});

test('hold keeps the last address', () => {
  const leg = open(A);
  leg.latch.signal(100, { peer: undefined, asymmetric: false });
  assert.deepEqual(leg.latch.remote, A);
});

test('asymmetric: another port of the host is heard, replies go to the signalled one; another host is not', () => {
  const leg = open(A, true);
  assert.equal(leg.rtp(0, { ...A, port: 9 }, rtp(1)), 'accepted');
  assert.equal(leg.rtp(20, B, rtp(2)), 'refused');
  assert.deepEqual(leg.latch.remote, A);
});

test('RTCP begins one port above and learns by itself', () => {
  const leg = open(A);
  assert.deepEqual(leg.rtcp.remote, { ...A, port: 4001 });
  assert.equal(leg.report(0, B), 'latched');
  assert.deepEqual(leg.rtcp.remote, B);
  assert.equal(leg.report(20, C), 'refused', 'a second source has no SSRC to show');
});
