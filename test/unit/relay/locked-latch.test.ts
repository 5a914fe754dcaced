import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LOCKED, lockedLatching } from '../../../src/relay/latching/index.ts';
import { rtcpDatagram, rtpDatagram } from '../../support/datagram-view.ts';

const SIGNALLED = { address: '198.51.100.1', port: 4000 };
const PUBLIC = { address: '198.51.100.77', port: 40_000 };
const ATTACKER = { address: '203.0.113.66', port: 6666 };

type Source = typeof SIGNALLED;

function rtp(index: number, ssrc = 1): Buffer {
  const sequenceNumber = index & 0xffff;
  return rtpDatagram({ payloadType: 0, sequenceNumber, timestamp: sequenceNumber * 160, ssrc }, Buffer.alloc(160));
}

/** A latch with an abbreviated way to give it packets. */
function open(peer: Source | undefined = SIGNALLED, asymmetric = false, policy = LOCKED) {
  const latch = policy.rtp();
  const rtcp = policy.rtcp(latch);
  latch.signal(-1000, { peer, asymmetric });
  const admit = (now: number, from: Source, packet: Uint8Array = rtp(Math.round(now / 20))) =>
    latch.admit(now, from.address, from.port, packet);
  return {
    latch,
    rtcp,
    rtp: admit,
    /** `count` packets, 20 ms apart. */
    stream: (startAt: number, from: Source, count = 5) =>
      Array.from({ length: count }, (_, index) => admit(startAt + index * 20, from)),
    /** A stream of another host that is learned with its packet at 0 ms. */
    learn: (from: Source, lastSequence = 0) => {
      const verdicts = [-4, -3, -2, -1, 0].map((step) => admit(step * 20, from, rtp(lastSequence + step)));
      assert.equal(verdicts.at(-1), 'latched');
    },
    report: (now: number, from: { address: string; port: number }, packet: Uint8Array = rtcpDatagram(1, 'a')) =>
      rtcp.admit(now, from.address, from.port, packet),
  };
}

test('media goes to the signalled address from the start', () => {
  const { latch, rtcp } = open();
  assert.deepEqual(latch.remote, SIGNALLED);
  assert.deepEqual(rtcp.remote, { address: SIGNALLED.address, port: 4001 });
});

test('any packet from exactly the signalled address latches at once', () => {
  const party = open();
  assert.equal(party.rtp(0, SIGNALLED, Buffer.from([0])), 'latched');
  assert.equal(party.rtp(20, SIGNALLED), 'accepted');
});

const REFUSED = (count: number): string[] => new Array(count).fill('refused');

test('another host is learned with the fifth packet of a stream, and noise never', () => {
  const party = open();
  for (const noise of [Buffer.alloc(0), Buffer.alloc(500), Buffer.from('\x80abc'), rtcpDatagram(1, 'x')]) {
    for (let now = 0; now < 200; now += 20) {
      assert.equal(party.rtp(now, PUBLIC, noise), 'refused');
    }
  }
  assert.deepEqual(party.stream(200, PUBLIC, 4), REFUSED(4));
  assert.deepEqual(party.latch.remote, SIGNALLED, 'media stays with signalling until then');
  assert.equal(party.rtp(280, PUBLIC), 'latched');
  assert.deepEqual(party.latch.remote, PUBLIC);
});

test('another port of the signalled host is learned with the third packet', () => {
  const party = open();
  const translated = { ...SIGNALLED, port: 4002 };
  assert.deepEqual(party.stream(0, translated, 3), ['refused', 'refused', 'latched']);
  assert.deepEqual(party.latch.remote, translated);
});

test('with a private address signalled, or none, a stream from elsewhere is learned, too', () => {
  for (const peer of [{ address: '192.168.1.5', port: 4000 }, undefined]) {
    assert.equal(open(peer).stream(0, PUBLIC).at(-1), 'latched');
  }
});

test('five packets at once, out of order or of several SSRCs prove nothing', () => {
  const at = (now: number, sequence: number, ssrc = 1) => [now, rtp(sequence, ssrc)] as const;
  const runs = {
    'a burst': [0, 1, 2, 3, 4, 5, 6].map((index) => at(index, index)),
    'a replay': [0, 0, 0, 0, 0, 0].map((sequence, index) => at(index * 20, sequence)),
    'guessed sequences': [0, 9, 18, 27, 36, 45].map((sequence, index) => at(index * 20, sequence)),
    'guessed SSRCs': [0, 1, 2, 3, 4, 5].map((index) => at(index * 20, index, index)),
  };
  for (const [what, run] of Object.entries(runs)) {
    const party = open();
    for (const [now, packet] of run) {
      assert.equal(party.rtp(now, PUBLIC, packet), 'refused', what);
    }
  }
});

test('two lost packets do not break a proof, and a burst that goes on becomes one', () => {
  const party = open();
  for (const [index, sequence] of [0, 3, 4, 5].entries()) {
    assert.equal(party.rtp(index * 10, PUBLIC, rtp(sequence)), 'refused');
  }
  assert.equal(party.rtp(40, PUBLIC, rtp(6)), 'refused', 'five packets, 40 ms');
  assert.equal(party.rtp(60, PUBLIC, rtp(7)), 'latched');
});

test('a flood from many sources does not push a candidate out', () => {
  const party = open();
  party.stream(0, PUBLIC, 2);
  for (let index = 0; index < 1000; index++) {
    party.rtp(30, { address: ATTACKER.address, port: 10_000 + index }, rtp(index));
  }
  assert.equal(party.stream(40, PUBLIC, 3).at(-1), 'latched');
});

test('the signalled host wins over another one that proved itself first', () => {
  const party = open();
  party.learn(ATTACKER);
  const translated = { ...SIGNALLED, port: 4002 };
  assert.deepEqual(party.stream(20, translated, 3), ['refused', 'refused', 'latched']);
  assert.deepEqual(party.stream(80, ATTACKER, 6), REFUSED(6));
});

test('a forbidden source is never learned, neither for RTP nor for RTCP', () => {
  const party = open(
    SIGNALLED,
    false,
    lockedLatching((address, port) => address === PUBLIC.address || port === 4003),
  );
  assert.deepEqual(party.stream(0, PUBLIC, 10), REFUSED(10));
  assert.equal(party.report(0, { ...SIGNALLED, port: 4003 }), 'refused');
});

test('once learned the source is locked', () => {
  const party = open();
  party.learn(PUBLIC);
  assert.deepEqual(party.stream(20, ATTACKER), REFUSED(5));
  assert.deepEqual(party.stream(60_000, ATTACKER), REFUSED(5), 'silence alone lets nobody in');
  assert.deepEqual(party.latch.remote, PUBLIC);
});

test('the signalled address wins over a source that came first', () => {
  const party = open();
  party.learn(ATTACKER);
  assert.equal(party.rtp(20, SIGNALLED), 'latched');
  assert.equal(party.rtp(40, ATTACKER), 'refused');
  assert.deepEqual(party.latch.remote, SIGNALLED);
});

test('a changed signalled address moves media at once when the old one was signalled, too', () => {
  const party = open();
  party.rtp(0, SIGNALLED);
  const moved = { address: '198.51.100.2', port: 5000 };
  party.latch.signal(100, { peer: moved, asymmetric: false });
  assert.deepEqual(party.latch.remote, moved);
  assert.equal(party.rtp(120, SIGNALLED), 'accepted', 'the old source flows until the new one speaks');
  assert.equal(party.rtp(140, moved), 'latched');
  assert.equal(party.rtp(160, SIGNALLED), 'refused');
});

test('after learning, media stays with the learned source until the new one speaks', () => {
  const party = open();
  party.learn(PUBLIC);
  party.latch.signal(100, { peer: { address: '10.0.0.9', port: 7000 }, asymmetric: false });
  assert.deepEqual(party.latch.remote, PUBLIC);
  assert.equal(party.rtp(120, PUBLIC), 'accepted');
});

test('a private address does not replace a public one that works', () => {
  const party = open();
  party.rtp(0, SIGNALLED);
  party.latch.signal(100, { peer: { address: '192.168.1.5', port: 4000 }, asymmetric: false });
  assert.deepEqual(party.latch.remote, SIGNALLED);
});

test('a changed address opens one window with one winner, for a source that the party fell silent for', () => {
  const party = open();
  party.learn(PUBLIC);
  party.latch.signal(20, { peer: { address: '198.51.100.9', port: 9000 }, asymmetric: false });
  assert.equal(party.rtp(40, ATTACKER), 'refused', 'the party still talks');
  party.rtp(60, PUBLIC);
  const elsewhere = { address: '198.51.100.78', port: 50_000 };
  assert.equal(party.stream(600, elsewhere).at(-1), 'latched');
  assert.deepEqual(party.stream(1200, ATTACKER), REFUSED(5), 'the window closed with its winner');
});

test('the window closes after 10 s', () => {
  const party = open();
  party.learn(PUBLIC);
  party.latch.signal(0, { peer: { address: '198.51.100.9', port: 9000 }, asymmetric: false });
  assert.deepEqual(party.stream(10_000, ATTACKER), REFUSED(5));
});

test('repeating the same address opens no window', () => {
  const party = open();
  party.learn(PUBLIC);
  party.latch.signal(20, { peer: SIGNALLED, asymmetric: false });
  assert.deepEqual(party.stream(1000, ATTACKER), REFUSED(5));
});

test('hold clears nothing', () => {
  const party = open();
  party.learn(PUBLIC);
  party.latch.signal(20, { peer: undefined, asymmetric: false });
  assert.deepEqual(party.latch.remote, PUBLIC);
  assert.equal(party.rtp(40, PUBLIC), 'accepted');
  assert.deepEqual(party.stream(5000, ATTACKER), REFUSED(5));
});

test('a NAT that rebinds the port is followed: same host, SSRC, near sequence, after silence', () => {
  const rebound = { ...PUBLIC, port: 40_001 };
  const cases: readonly [string, { address: string; port: number }, Buffer, number, string][] = [
    ['all hold', rebound, rtp(8), 160, 'latched'],
    ['across the wrap', rebound, rtp(3), 160, 'latched'],
    ['no silence', rebound, rtp(3), 40, 'refused'],
    ['another SSRC', rebound, rtp(8, 2), 160, 'refused'],
    ['a sequence from the past', rebound, rtp(65_530), 160, 'refused'],
    ['a sequence too far away', rebound, rtp(300), 160, 'refused'],
    ['another host', { ...ATTACKER }, rtp(8), 160, 'refused'],
  ];
  for (const [what, from, packet, now, verdict] of cases) {
    const party = open();
    party.learn(PUBLIC, what === 'across the wrap' ? 65_534 : 0);
    assert.equal(party.rtp(now, from, packet), verdict, what);
  }
});

test('an asymmetric party is known by its host and never moves', () => {
  const party = open(SIGNALLED, true);
  assert.equal(party.rtp(0, { ...SIGNALLED, port: 9 }), 'accepted');
  assert.equal(party.rtp(20, ATTACKER), 'refused');
  assert.deepEqual(party.latch.remote, SIGNALLED);
});

test('RTCP is believed only from the host of RTP, or from one port above the signalled one', () => {
  const party = open();
  assert.equal(party.report(0, ATTACKER), 'refused');
  assert.equal(party.report(0, { ...SIGNALLED, port: 4001 }), 'latched');
  party.learn(PUBLIC);
  assert.equal(party.report(40, { ...PUBLIC, port: 40_123 }), 'latched');
  assert.equal(party.report(60, ATTACKER), 'refused');
  assert.equal(party.report(80, { ...PUBLIC, port: 40_999 }), 'refused', 'its port is locked, too');
  assert.deepEqual(party.rtcp.remote, { ...PUBLIC, port: 40_123 });
});

test('short packets and packets of other types are no RTCP', () => {
  const party = open();
  for (const packet of [Buffer.from([0x80, 200, 0]), Buffer.alloc(20), rtp(1)]) {
    assert.equal(party.report(0, { ...SIGNALLED, port: 4001 }, packet), 'refused');
  }
});

test('RTCP follows RTP to another host', () => {
  const party = open();
  party.learn(PUBLIC);
  assert.deepEqual(party.rtcp.remote, { address: PUBLIC.address, port: 40_001 });
});

test('no packet throws', () => {
  const bytes = fc.uint8Array({ maxLength: 60 });
  const source = fc.record({ address: fc.constantFrom('198.51.100.1', '203.0.113.6'), port: fc.nat(65_535) });
  fc.assert(
    fc.property(fc.array(fc.tuple(bytes, source, fc.boolean()), { maxLength: 20 }), (packets) => {
      const party = open();
      for (const [index, [packet, from, isRtcp]] of packets.entries()) {
        isRtcp ? party.report(index, from, packet) : party.rtp(index, from, packet);
      }
    }),
  );
});
