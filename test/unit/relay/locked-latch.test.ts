import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LOCKED, latchPolicy } from '../../../src/relay/latching/index.ts';
import { LATCHING_MODES } from '../../../src/relay/latching/latch.ts';
import type { PeerOrder } from '../../../src/relay/plane.ts';
import { rtcpDatagram, rtpDatagram } from '../../support/datagram-view.ts';

const SIGNALLED = { address: '198.51.100.1', port: 4000 };
/** What a phone behind a NAT signals: nobody can be reached there, so strangers may prove themselves. */
const PRIVATE = { address: '192.168.1.5', port: 4000 };
const PUBLIC = { address: '198.51.100.77', port: 40_000 };
const ATTACKER = { address: '203.0.113.66', port: 6666 };

type Source = typeof SIGNALLED;

function rtp(index: number, ssrc = 1): Buffer {
  const header = { payloadType: 0, sequenceNumber: index & 0xffff, timestamp: index * 160, ssrc };
  return rtpDatagram(header, Buffer.alloc(160, index & 0xff));
}

/** A latch with an abbreviated way to give it packets. */
function open(peer: Source | 'nobody' = SIGNALLED, order: Partial<PeerOrder> = {}, policy = LOCKED) {
  const latch = policy.rtp();
  const rtcp = policy.rtcp(latch);
  latch.signal(-1000, { peer: peer === 'nobody' ? undefined : peer, asymmetric: false, ...order });
  const admit = (now: number, from: Source, packet: Uint8Array = rtp(Math.round(now / 20))) =>
    latch.admit(now, from.address, from.port, packet);
  return {
    latch,
    rtcp,
    rtp: admit,
    signal: (now: number, to: Source | undefined, more: Partial<PeerOrder> = {}) =>
      latch.signal(now, { peer: to, asymmetric: false, ...more }),
    /** `count` packets, 20 ms apart. */
    stream: (startAt: number, from: Source, count = 5, ssrc = 1) =>
      Array.from({ length: count }, (_, index) =>
        admit(startAt + index * 20, from, rtp(Math.round(startAt / 20) + index, ssrc)),
      ),
    /** A stream of another host that is learned with its packet at 0 ms. */
    learn: (from: Source, lastSequence = 0) => {
      const verdicts = [-4, -3, -2, -1, 0].map((step) => admit(step * 20, from, rtp(lastSequence + step)));
      assert.equal(verdicts.at(-1), 'latched');
    },
    report: (now: number, from: { address: string; port: number }, packet: Uint8Array = rtcpDatagram(1, 'a')) =>
      rtcp.admit(now, from.address, from.port, packet),
  };
}

const strict = latchPolicy({ mode: 'strict', hearsLoopback: false });
const REFUSED = (count: number): string[] => new Array(count).fill('refused');

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

test('a stranger with a whole stream cannot pass for a silent party that can be reached', () => {
  const party = open();
  assert.deepEqual(party.stream(0, ATTACKER, 500), REFUSED(500));
  assert.deepEqual(party.latch.remote, SIGNALLED);
});

test('behind a NAT another host is learned with the fifth packet of a stream, and noise never', () => {
  const party = open(PRIVATE);
  for (const noise of [Buffer.alloc(0), Buffer.alloc(500), Buffer.from('\x80abc'), rtcpDatagram(1, 'x')]) {
    for (let now = 0; now < 200; now += 20) {
      assert.equal(party.rtp(now, PUBLIC, noise), 'refused');
    }
  }
  assert.deepEqual(party.stream(200, PUBLIC, 4), REFUSED(4));
  assert.deepEqual(party.latch.remote, PRIVATE, 'media stays with signalling until then');
  assert.equal(party.rtp(280, PUBLIC), 'latched');
  assert.deepEqual(party.latch.remote, PUBLIC);
});

test('what was held back of a source is delivered when it is believed, in order and once', () => {
  const party = open(PRIVATE);
  party.stream(200, PUBLIC, 5);
  const held = party.latch.takeHeld();
  assert.deepEqual(
    held.map(({ at, packet }) => [at, Buffer.from(packet).equals(rtp(at / 20))]),
    [200, 220, 240, 260].map((at) => [at, true]),
  );
  assert.deepEqual(party.latch.takeHeld(), []);
});

test('nothing is held of packets that no network carries whole, nor more than five', () => {
  const party = open(PRIVATE);
  const jumbo = rtpDatagram({ payloadType: 0, sequenceNumber: 0, timestamp: 0, ssrc: 1 }, Buffer.alloc(3000));
  party.rtp(0, PUBLIC, jumbo);
  assert.equal(party.stream(20, PUBLIC, 4).at(-1), 'latched');
  assert.equal(party.latch.takeHeld().length, 3);
  const slow = open(PRIVATE);
  for (let index = 0; index < 8; index++) {
    slow.rtp(index * 8, PUBLIC, rtp(index));
  }
  assert.ok(slow.latch.takeHeld().length <= 5);
});

test('another port of the signalled host is learned with the third packet', () => {
  for (const policy of [LOCKED, strict]) {
    const party = open(SIGNALLED, {}, policy);
    const translated = { ...SIGNALLED, port: 4002 };
    assert.deepEqual(party.stream(0, translated, 3), ['refused', 'refused', 'latched']);
    assert.deepEqual(party.latch.remote, translated);
  }
});

test('a stream from elsewhere is learned when no address, or none that can be reached, is signalled, or the command says S', () => {
  const unroutable = ['10.0.0.1', '172.16.0.1', '100.64.0.1', '169.254.1.1', '127.0.0.1', 'fd00::1', 'fe80::1', '::1'];
  for (const peer of ['nobody' as const, ...unroutable.map((address) => ({ address, port: 4000 }))]) {
    const mapped = peer !== 'nobody' && peer.address.includes(':') ? { ...PUBLIC, address: '2001:db8::7' } : PUBLIC;
    assert.equal(open(peer).stream(0, mapped).at(-1), 'latched', JSON.stringify(peer));
  }
  assert.equal(open(SIGNALLED, { symmetric: true }).stream(0, PUBLIC).at(-1), 'latched');
});

test('in strict mode it is never learned', () => {
  for (const peer of ['nobody', PRIVATE, SIGNALLED] as const) {
    assert.deepEqual(open(peer, { symmetric: true }, strict).stream(0, PUBLIC, 20), REFUSED(20));
  }
});

test('loopback is an address like any other only where media sockets are bound to it', () => {
  const local = { address: '127.0.0.9', port: 4000 };
  assert.deepEqual(open(PRIVATE).stream(0, local, 20), REFUSED(20));
  const onLoopback = latchPolicy({ mode: 'safe', hearsLoopback: true });
  assert.equal(open(PRIVATE, {}, onLoopback).stream(0, local).at(-1), 'latched');
  assert.deepEqual(open({ address: '127.0.0.1', port: 4000 }, {}, onLoopback).stream(0, local, 20), REFUSED(20));
  assert.equal(open(local).rtp(0, local), 'latched', 'the command names it');
});

test('packets at once, out of order, of several SSRCs or not at the pace of time prove nothing', () => {
  const at = (now: number, sequence: number, ssrc = 1) => [now, rtp(sequence, ssrc)] as const;
  const runs = {
    'a burst': [0, 1, 2, 3, 4, 5, 6].map((index) => at(index, index)),
    'a replay': [0, 0, 0, 0, 0, 0].map((sequence, index) => at(index * 20, sequence)),
    'guessed sequences': [0, 9, 18, 27, 36, 45].map((sequence, index) => at(index * 20, sequence)),
    'guessed SSRCs': [0, 1, 2, 3, 4, 5].map((index) => at(index * 20, index, index)),
    'a stream that is too slow': [0, 1, 2, 3, 4, 5].map((index) => at(index * 50, index)),
    'a stream that is too fast': Array.from({ length: 20 }, (_, index) => at(index * 8, index)),
  };
  for (const [what, run] of Object.entries(runs)) {
    const party = open(PRIVATE);
    for (const [now, packet] of run) {
      assert.equal(party.rtp(now, PUBLIC, packet), 'refused', what);
    }
  }
});

test('two lost packets do not break a proof, and a burst at its start only delays it', () => {
  const party = open(PRIVATE);
  for (const [now, sequence] of [
    [0, 0],
    [60, 3],
    [80, 4],
    [100, 5],
  ] as const) {
    assert.equal(party.rtp(now, PUBLIC, rtp(sequence)), 'refused');
  }
  assert.equal(party.rtp(120, PUBLIC, rtp(6)), 'latched');

  const stalled = open(PRIVATE);
  const verdicts = Array.from({ length: 20 }, (_, index) => stalled.rtp(Math.max(190, index * 20), PUBLIC, rtp(index)));
  assert.equal(verdicts.indexOf('latched'), 17);
});

test('a dynamic payload type has no pace that could be known', () => {
  const party = open(PRIVATE);
  const verdicts = Array.from({ length: 5 }, (_, index) => {
    const header = { payloadType: 111, sequenceNumber: index, timestamp: index * 960, ssrc: 1 };
    return party.rtp(index * 20, PUBLIC, rtpDatagram(header, Buffer.alloc(40)));
  });
  assert.equal(verdicts.at(-1), 'latched');
});

test('a flood from many sources does not push a candidate out', () => {
  const party = open(PRIVATE);
  party.stream(0, PUBLIC, 2);
  for (let index = 0; index < 1000; index++) {
    party.rtp(30, { address: ATTACKER.address, port: 10_000 + index }, rtp(index));
  }
  assert.equal(party.stream(40, PUBLIC, 3).at(-1), 'latched');
});

test('a source that signalling names displaces strangers, however many keep up streams', () => {
  const party = open(SIGNALLED, { symmetric: true });
  const strangers = Array.from({ length: 4 }, (_, index) => ({ ...ATTACKER, port: 6000 + index }));
  const translated = { ...SIGNALLED, port: 4002 };
  for (let index = 0; index < 3; index++) {
    for (const stranger of strangers) {
      party.rtp(index * 20, stranger, rtp(index, stranger.port));
    }
    party.rtp(index * 20 + 1, translated, rtp(index));
  }
  assert.deepEqual(party.latch.remote, translated);
});

test('the signalled host wins over another one that proved itself first, with one packet more', () => {
  const party = open(SIGNALLED, { symmetric: true });
  party.learn(ATTACKER);
  const translated = { ...SIGNALLED, port: 4002 };
  assert.deepEqual(party.stream(20, translated, 4), ['refused', 'refused', 'refused', 'latched']);
  assert.deepEqual(party.stream(100, ATTACKER, 6), REFUSED(6));
});

test('the signalled address wins over a source that came first, with its second packet', () => {
  const party = open(PRIVATE);
  party.learn(ATTACKER);
  assert.deepEqual(party.stream(20, PRIVATE, 2), ['refused', 'latched']);
  assert.equal(party.latch.takeHeld().length, 1);
  assert.equal(party.rtp(60, ATTACKER), 'refused');
  assert.deepEqual(party.latch.remote, PRIVATE);
});

test('a second stranger who proves as much as the one that is believed is reported, once', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  const verdicts = Array.from({ length: 20 }, (_, index) => {
    party.rtp(20 + index * 20, PUBLIC, rtp(1 + index));
    return party.rtp(21 + index * 20, ATTACKER, rtp(index, 9));
  });
  assert.equal(verdicts.filter((verdict) => verdict === 'contested').length, 1);
  assert.ok(verdicts.every((verdict) => verdict === 'contested' || verdict === 'refused'));
  assert.deepEqual(party.latch.remote, PUBLIC);
  const later = open(PRIVATE);
  later.learn(PUBLIC);
  assert.deepEqual(later.stream(10_000, ATTACKER, 20, 9), REFUSED(20), 'after 10 s it is just a stranger');
});

test('a forbidden source is never learned, neither for RTP nor for RTCP', () => {
  let asked = 0;
  const policy = latchPolicy({ mode: 'safe', hearsLoopback: false }, (address, port) => {
    asked += 1;
    return address === PUBLIC.address || port === 4003;
  });
  const party = open(PRIVATE, {}, policy);
  assert.deepEqual(party.stream(0, PUBLIC, 100), REFUSED(100));
  assert.equal(asked, 1, 'the question may cost something');
  assert.equal(party.report(0, { ...PRIVATE, port: 4003 }), 'refused');
});

test('multicast and broadcast are nobody’s address', () => {
  for (const address of ['224.0.0.1', '255.255.255.255', 'ff02::1']) {
    assert.deepEqual(open('nobody').stream(0, { address, port: 4000 }, 10), REFUSED(10));
  }
});

test('pain 11: who still sends the SSRC of the call before is not learned; whom signalling names is', () => {
  const order = { shunnedSsrc: 77 };
  assert.deepEqual(open(PRIVATE, order).stream(0, PUBLIC, 20, 77), REFUSED(20));
  assert.equal(open(PRIVATE, order).stream(0, PUBLIC, 5, 78).at(-1), 'latched');
  assert.deepEqual(open(SIGNALLED, order).stream(0, { ...SIGNALLED, port: 4002 }, 20, 77), REFUSED(20));
  assert.equal(open(SIGNALLED, order).stream(0, SIGNALLED, 1, 77).at(-1), 'latched');
  assert.ok(
    open(PRIVATE, order).stream(9000, PUBLIC, 20, 77).includes('latched'),
    'a phone with one SSRC for all calls',
  );
});

test('pain 11: nor is its RTCP, though it come from the host of the party', () => {
  const party = open(SIGNALLED, { shunnedSsrc: 77 });
  assert.equal(party.report(0, { ...SIGNALLED, port: 9001 }, rtcpDatagram(77, 'old')), 'refused');
  assert.equal(party.report(20, { ...SIGNALLED, port: 4001 }, rtcpDatagram(78, 'new')), 'latched');
  assert.deepEqual(party.rtcp.remote, { ...SIGNALLED, port: 4001 });
});

test('once learned the source is locked', () => {
  for (const peer of [PRIVATE, 'nobody'] as const) {
    const party = open(peer);
    party.learn(PUBLIC);
    const heard = [...party.stream(20, ATTACKER, 5, 9), ...party.stream(60_000, ATTACKER, 5, 9)];
    assert.ok(!heard.includes('latched') && !heard.includes('accepted'), 'silence alone lets nobody in');
    assert.deepEqual(party.latch.remote, PUBLIC);
  }
});

test('pain 1: a changed signalled address moves media at once when the old one was signalled, too', () => {
  const party = open();
  party.rtp(0, SIGNALLED);
  const moved = { address: '198.51.100.2', port: 5000 };
  party.signal(100, moved);
  assert.deepEqual(party.latch.remote, moved);
  assert.equal(party.rtp(120, SIGNALLED), 'accepted', 'the old source flows until the new one speaks');
  assert.equal(party.rtp(140, moved), 'latched');
  assert.equal(party.rtp(160, SIGNALLED), 'refused');
});

test('pain 1: after learning, media stays with the learned source until the new one speaks', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  party.signal(100, { address: '10.0.0.9', port: 7000 });
  assert.deepEqual(party.latch.remote, PUBLIC);
  assert.equal(party.rtp(120, PUBLIC), 'accepted');
});

test('pain 2: an address that cannot be reached does not replace one that works', () => {
  for (const address of ['192.168.1.5', '100.64.3.3', '127.0.0.1']) {
    const party = open();
    party.rtp(0, SIGNALLED);
    party.signal(100, { address, port: 4000 });
    assert.deepEqual(party.latch.remote, SIGNALLED);
  }
});

test('a changed address opens one window with one winner, for a source that the party fell silent for', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  party.signal(20, { address: '192.168.1.6', port: 9000 });
  assert.deepEqual(party.stream(40, ATTACKER, 5, 9), REFUSED(5), 'the party has just talked');
  party.rtp(160, PUBLIC);
  const elsewhere = { address: '198.51.100.78', port: 50_000 };
  assert.equal(party.stream(700, elsewhere, 5, 3).at(-1), 'latched');
  const late = party.stream(1300, ATTACKER, 5, 9);
  assert.ok(!late.includes('latched'), 'the window closed with its winner');
});

test('in the window whom signalling names gets in with its first packet, another port of that host with its third', () => {
  const moved = { address: '198.51.100.2', port: 5000 };
  for (const [from, packets] of [
    [moved, 1],
    [{ ...moved, port: 5002 }, 3],
  ] as const) {
    const party = open();
    party.rtp(0, SIGNALLED);
    party.signal(20, moved);
    const verdicts = Array.from({ length: packets }, (_, index) => {
      party.rtp(39 + index * 20, SIGNALLED, rtp(1 + index));
      return party.rtp(40 + index * 20, from, rtp(index, 5));
    });
    assert.deepEqual(verdicts, [...REFUSED(packets - 1), 'latched']);
  }
});

test('a stranger cannot use the window of a party that can be reached, however silent it is', () => {
  const party = open();
  party.rtp(0, SIGNALLED);
  party.signal(20, { address: '198.51.100.2', port: 5000 });
  assert.deepEqual(party.stream(2000, ATTACKER, 100, 9), REFUSED(100));
});

test('the window closes after 10 s', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  party.signal(0, { address: '192.168.1.6', port: 9000 });
  assert.ok(!party.stream(10_000, ATTACKER, 20, 9).includes('latched'));
});

test('repeating the same address opens no window', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  party.signal(20, PRIVATE);
  assert.ok(!party.stream(1000, ATTACKER, 20, 9).includes('latched'));
});

test('pain 1: hold clears nothing', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  party.signal(20, undefined);
  assert.deepEqual(party.latch.remote, PUBLIC);
  assert.equal(party.rtp(40, PUBLIC), 'accepted');
  assert.ok(!party.stream(5000, ATTACKER, 20, 9).includes('latched'));
});

test('pain 3: a NAT that rebinds the port is followed: same host, SSRC, near sequence, after 100 ms of silence', () => {
  const rebound = { ...PUBLIC, port: 40_001 };
  const cases: readonly [string, { address: string; port: number }, Buffer, number, string][] = [
    ['all hold', rebound, rtp(8), 160, 'latched'],
    ['across the wrap', rebound, rtp(65_539), 160, 'latched'],
    ['after 40 s of silence suppression', rebound, silenceSuppressed(40_000), 40_000, 'latched'],
    ['no silence', rebound, rtp(3), 60, 'refused'],
    ['another SSRC', rebound, rtp(8, 2), 160, 'refused'],
    ['a sequence from the past', rebound, rtp(-6), 160, 'refused'],
    ['a sequence too far away', rebound, rtp(300), 160, 'refused'],
    ['time stamps of another stream', rebound, alien(8), 160, 'refused'],
    ['another host', { ...ATTACKER }, rtp(8), 160, 'refused'],
  ];
  for (const [what, from, packet, now, verdict] of cases) {
    const party = open(PRIVATE);
    const last = what === 'across the wrap' ? 65_534 : 0;
    party.learn(PUBLIC, last);
    party.rtp(20, PUBLIC, rtp(last + 1));
    assert.equal(party.rtp(now, from, packet), verdict, what);
  }
});

test('pain 3: after a rebind the party is heard again within 250 ms, and nothing is lost', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  const rebound = { ...PUBLIC, port: 40_001 };
  const verdicts = party.stream(20, rebound, 8);
  assert.equal(verdicts.indexOf('latched'), 4, 'at 100 ms');
  assert.equal(party.latch.takeHeld().length, 4);
  assert.deepEqual(party.latch.remote, rebound);
});

/** One packet after the learned ones, whose time stamp has gone on with the clock. */
function silenceSuppressed(silentMs: number): Buffer {
  return rtpDatagram({ payloadType: 0, sequenceNumber: 2, timestamp: silentMs * 8, ssrc: 1 }, Buffer.alloc(160));
}

function alien(sequenceNumber: number): Buffer {
  return rtpDatagram({ payloadType: 0, sequenceNumber, timestamp: 0x70000000, ssrc: 1 }, Buffer.alloc(160));
}

test('pain 4: a handover to another host is followed after 500 ms of silence: SSRC and sequence go on', () => {
  for (const peer of [SIGNALLED, PRIVATE]) {
    const party = open(peer);
    const [from, to] = [peer === SIGNALLED ? SIGNALLED : PUBLIC, { address: '192.0.2.44', port: 1234 }];
    if (peer === SIGNALLED) {
      party.stream(-80, from, 5);
    } else {
      party.learn(from);
    }
    const verdicts = party.stream(120, to, 60);
    assert.equal(120 + verdicts.indexOf('latched') * 20, 500);
    assert.deepEqual(party.latch.remote, to);
  }
});

test('a handover needs the SSRC, the sequence and the silence', () => {
  const elsewhere = { address: '192.0.2.44', port: 1234 };
  const party = open();
  party.stream(0, SIGNALLED, 5);
  assert.ok(!party.stream(700, elsewhere, 50, 2).includes('latched'), 'another SSRC');
  assert.ok(
    !Array.from({ length: 50 }, (_, index) => party.rtp(2000 + index * 20, elsewhere, rtp(1000 + index))).includes(
      'latched',
    ),
    'a sequence too far away',
  );
  for (let index = 0; index < 200; index++) {
    party.rtp(3000 + index * 20, SIGNALLED, rtp(150 + index));
    assert.equal(party.rtp(3001 + index * 20, elsewhere, rtp(151 + index)), 'refused', 'the party speaks');
  }
});

test('a party that is heard on two paths in turn moves at most once in 5 s', () => {
  const paths = [SIGNALLED, { address: '192.0.2.44', port: 1234 }];
  const party = open();
  const moves: number[] = [];
  for (let index = 0; index < 3000; index++) {
    const path = paths[Math.floor(index / 50) % 2] as Source;
    if (party.rtp(index * 20, path, rtp(index)) === 'latched') {
      moves.push(index * 20);
    }
  }
  assert.ok(moves.length > 2, 'it does move');
  for (let index = 2; index < moves.length; index++) {
    assert.ok((moves[index] as number) - (moves[index - 1] as number) >= 5000, moves.join(' '));
  }
});

test('a call moves to another host eight times at most', () => {
  const party = open();
  party.rtp(0, SIGNALLED);
  let moves = 0;
  for (let hop = 1; hop < 20; hop++) {
    const host = { address: `192.0.2.${hop}`, port: 4000 };
    for (let index = 0; index < 40; index++) {
      const sequence = (hop - 1) * 40 + index + 1;
      moves += Number(party.rtp(hop * 6000 + index * 20, host, rtp(sequence)) === 'latched');
    }
  }
  assert.equal(moves, 8);
});

test('a sender that restarts on another port of its host is followed after 2 s of silence, but not in strict mode', () => {
  const restarted = { ...SIGNALLED, port: 4444 };
  for (const policy of [LOCKED, strict]) {
    const party = open(SIGNALLED, {}, policy);
    party.rtp(0, SIGNALLED);
    const verdicts = party.stream(20, restarted, 200, 99);
    assert.equal(verdicts.indexOf('latched'), policy === strict ? -1 : 99, 'at 2000 ms');
  }
});

test('a source that tries while the party is silent loses when the party speaks again, and waits longer each time', () => {
  const restarted = { ...SIGNALLED, port: 4444 };
  const party = open();
  let spokenAt = 0;
  for (const silence of [0, 2000, 2000]) {
    spokenAt += silence + 50;
    assert.notEqual(party.rtp(spokenAt, SIGNALLED), 'refused');
    assert.deepEqual(party.stream(spokenAt + 1960, restarted, 3, 99), REFUSED(3), 'three of five');
  }
  spokenAt += 2050;
  assert.equal(party.rtp(spokenAt, SIGNALLED), 'accepted', 'back in LATCHED');
  const verdicts = party.stream(spokenAt + 20, restarted, 1000, 99);
  const waitedMs = 20 + verdicts.indexOf('latched') * 20;
  assert.ok(waitedMs >= 4000 && waitedMs < 4200, `${waitedMs}`);
});

test('an asymmetric party is known by its host and never moves', () => {
  const party = open(SIGNALLED, { asymmetric: true });
  assert.equal(party.rtp(0, { ...SIGNALLED, port: 9 }), 'accepted');
  assert.equal(party.rtp(20, ATTACKER), 'refused');
  assert.deepEqual(party.latch.remote, SIGNALLED);
});

test('another latch goes on where one has left off', () => {
  for (const [peer, source] of [
    [SIGNALLED, SIGNALLED],
    [PRIVATE, PUBLIC],
  ] as const) {
    const party = open(peer);
    party.latch.resume(source, source);
    assert.deepEqual(party.latch.remote, source);
    assert.equal(party.rtp(0, source), 'accepted');
    assert.deepEqual(party.stream(20, ATTACKER, 10, 9), REFUSED(10));
  }
});

test('RTCP is believed only from the host of RTP, or from one port above the signalled one', () => {
  const party = open(PRIVATE);
  assert.equal(party.report(0, ATTACKER), 'refused');
  assert.equal(party.report(0, { ...PRIVATE, port: 4001 }), 'latched');
  party.learn(PUBLIC);
  assert.equal(party.report(40, { ...PUBLIC, port: 40_123 }), 'latched');
  assert.equal(party.report(60, ATTACKER), 'refused');
  assert.equal(party.report(80, { ...PUBLIC, port: 40_999 }), 'refused', 'its port is locked, too');
  assert.deepEqual(party.rtcp.remote, { ...PUBLIC, port: 40_123 });
});

test('short packets, packets of other types and with another length than they say are no RTCP', () => {
  const party = open();
  const [tooLong, nack] = [rtcpDatagram(1, 'a'), rtcpDatagram(1, 'a')];
  tooLong.writeUInt16BE(200, 2);
  nack.writeUInt8(192, 1);
  for (const packet of [Buffer.from([0x80, 200, 0]), Buffer.alloc(20), rtp(1), tooLong, nack]) {
    assert.equal(party.report(0, { ...SIGNALLED, port: 4001 }, packet), 'refused');
  }
});

test('RTCP follows RTP to another host', () => {
  const party = open(PRIVATE);
  party.learn(PUBLIC);
  assert.deepEqual(party.rtcp.remote, { address: PUBLIC.address, port: 40_001 });
});

test('no packet throws', () => {
  const bytes = fc.uint8Array({ maxLength: 60 });
  const source = fc.record({ address: fc.constantFrom('198.51.100.1', '203.0.113.6'), port: fc.nat(65_535) });
  const policies = fc.constantFrom(...LATCHING_MODES.map((mode) => latchPolicy({ mode, hearsLoopback: false })));
  fc.assert(
    fc.property(policies, fc.array(fc.tuple(bytes, source, fc.boolean()), { maxLength: 20 }), (policy, packets) => {
      const party = open(SIGNALLED, {}, policy);
      for (const [index, [packet, from, isRtcp]] of packets.entries()) {
        isRtcp ? party.report(index, from, packet) : party.rtp(index, from, packet);
      }
    }),
  );
});

/** What happens in a call whose party is where signalling says; times in ms after the event before. */
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('party' as const), after: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('silence' as const), after: fc.nat(5000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), after: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('re-INVITE' as const), after: fc.nat(40) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('stranger' as const),
      after: fc.nat(30),
      port: fc.integer({ min: 6000, max: 6004 }),
      ssrc: fc.integer({ min: 2, max: 4 }),
    }),
  },
);

test('a stranger never changes where media goes while signalling names an address that can be reached', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const party = open();
      let [now, sequence, signalled] = [0, 0, SIGNALLED];
      const strangers = new Map<number, number>();
      for (const what of events) {
        now += what.after;
        if (what.kind === 'party') {
          sequence += 1;
          party.rtp(now, signalled, rtp(sequence));
        } else if (what.kind === 'hold') {
          party.signal(now, undefined);
        } else if (what.kind === 're-INVITE') {
          signalled = { ...SIGNALLED, port: signalled.port + 2 };
          party.signal(now, signalled);
        } else if (what.kind === 'stranger') {
          // A stream as good as any, but for the SSRC, which it cannot know.
          const next = (strangers.get(what.port) ?? 0) + 1;
          strangers.set(what.port, next);
          const verdict = party.rtp(now, { ...ATTACKER, port: what.port }, rtp(next, what.ssrc));
          assert.equal(verdict, 'refused');
          assert.equal(party.report(now, { ...ATTACKER, port: what.port }), 'refused');
        }
        assert.deepEqual(party.latch.remote, signalled);
        assert.equal(party.rtcp.remote?.address, signalled.address);
      }
    }),
  );
});

test('a stranger never changes where media goes while the party behind a NAT speaks, across any re-INVITE', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const party = open(PRIVATE);
      party.learn(PUBLIC);
      let [now, sequence, spokenAt, signalledPort] = [0, 0, 0, 4000];
      for (const [index, what] of events.entries()) {
        now += what.kind === 'silence' ? 0 : what.after;
        while (spokenAt + 20 <= now) {
          spokenAt += 20;
          sequence += 1;
          assert.equal(party.rtp(spokenAt, PUBLIC, rtp(sequence)), 'accepted');
        }
        if (what.kind === 're-INVITE') {
          signalledPort += 2;
          party.signal(now, { ...PRIVATE, port: signalledPort });
        } else if (what.kind === 'stranger') {
          const verdict = party.rtp(now, { ...ATTACKER, port: what.port }, rtp(index, what.ssrc));
          assert.ok(verdict === 'refused' || verdict === 'contested', verdict);
        }
        assert.deepEqual(party.latch.remote, PUBLIC);
      }
    }),
  );
});
