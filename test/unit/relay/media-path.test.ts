import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOCKED } from '../../../src/relay/latching/index.ts';
import { MediaPath, type PacketSink } from '../../../src/relay/media/path.ts';
import type { Component, Side } from '../../../src/relay/plane.ts';
import { makePacket, pseudoRandom } from '../../fixtures/poison.ts';
import { rtcpDatagram, rtpDatagram } from '../../support/datagram-view.ts';
import { keyPackets } from '../../support/key-press.ts';

const CALLER = { address: '192.0.2.1', port: 4000 };
const CALLEE = { address: '192.0.2.2', port: 5000 };

class World implements PacketSink {
  readonly path = new MediaPath(LOCKED);
  readonly forwarded: string[] = [];
  discards = 0;
  tappedPackets = 0;
  readonly refusedKinds: string[] = [];
  readonly contests: Side[] = [];

  constructor() {
    this.path.legOpened(0);
    this.path.legOpened(1);
    this.path.signal(0, 1, { peer: CALLER, asymmetric: false });
    this.path.signal(0, 0, { peer: CALLEE, asymmetric: false });
  }

  /** From the party of the leg. */
  receive(side: Side, packet: Uint8Array, component: Component = 'rtp', now = 100): void {
    const { address, port } = side === 1 ? CALLER : CALLEE;
    this.path.receive(now, side, component, packet, address, component === 'rtp' ? port : port + 1, this);
  }

  forward(side: Side, component: Component, _packet: Uint8Array, to: { address: string; port: number }): void {
    this.forwarded.push(`${side} ${component} ${to.address}:${to.port}`);
  }

  tapped(): void {
    this.tappedPackets += 1;
  }

  discarded(): void {
    this.discards += 1;
  }

  refused(kind: string): void {
    this.discards += 1;
    this.refusedKinds.push(kind);
  }

  restored(count: number): void {
    this.discards -= count;
  }

  contested(side: Side): void {
    this.contests.push(side);
  }

  latched(): void {}

  firstPacket(): void {}
}

const AUDIO = rtpDatagram({ payloadType: 0, sequenceNumber: 1, timestamp: 160, ssrc: 7 }, new Uint8Array(160));
const REPORT = rtcpDatagram(7, 'caller@test');
const [EVENT = AUDIO] = keyPackets({ event: 5, timestamp: 1, durations: [160], ssrc: 7, sequenceNumber: 2 });

test('once a party is known, whatever it sends is relayed, RTP or not: the relay is no filter', () => {
  const world = new World();
  for (let index = 0; index < 8; index++) {
    world.receive(1, rtpDatagram({ payloadType: 0, sequenceNumber: index, timestamp: index, ssrc: 7 }, AUDIO));
  }
  const before = world.forwarded.length;
  for (const length of [0, 1, 11, 12, 3000]) {
    world.receive(1, new Uint8Array(length));
  }
  assert.equal(world.forwarded.length - before, 5);
  assert.equal(world.path.counters(1).analysis.parseErrors, 5);
});

test('a hidden payload type is accepted, tapped and counted as dropped; everything else passes', () => {
  const world = new World();
  world.path.hide(1, 101);
  world.path.tap(1, true);
  world.receive(1, AUDIO);
  world.receive(1, EVENT);
  world.receive(1, REPORT, 'rtcp');
  assert.deepEqual(world.forwarded, ['0 rtp 192.0.2.2:5000', '0 rtcp 192.0.2.2:5001']);
  const { rtpAccepted, rtpRelayed, rtpDropped } = world.path.counters(1);
  assert.deepEqual([rtpAccepted, rtpRelayed, rtpDropped], [2, 1, 1]);
  assert.equal(world.tappedPackets, 3);
});

test('it is hidden of one party only, and not any more when it is asked for again', () => {
  const world = new World();
  world.path.hide(1, 101);
  world.receive(0, EVENT);
  assert.equal(world.forwarded.length, 1);
  world.path.hide(1, undefined);
  world.receive(1, EVENT);
  assert.equal(world.forwarded.length, 2);
});

test('in a session that is fed nobody hears the other, and what they send keeps it not alive', () => {
  const world = new World();
  world.path.setFed();
  world.receive(1, AUDIO);
  world.receive(0, REPORT, 'rtcp');
  assert.deepEqual(world.forwarded, []);
  assert.equal(world.discards, 2);
  assert.equal(world.path.counters(1).rtpAccepted, 1);
  assert.equal(world.path.counters(1).lastAcceptedAt, Number.NEGATIVE_INFINITY);
});

test('a packet that is fed leaves from the leg that it is fed to, is counted, and keeps the session alive', () => {
  const world = new World();
  world.path.setFed();
  world.path.feed(250, 1, 'rtp', AUDIO, world);
  world.path.feed(260, 0, 'rtcp', REPORT, world);
  assert.deepEqual(world.forwarded, ['1 rtp 192.0.2.1:4000', '0 rtcp 192.0.2.2:5001']);
  assert.equal(world.path.counters(0).rtpRelayed, 1);
  assert.equal(world.path.counters(0).lastAcceptedAt, 250);
  assert.equal(world.path.counters(1).rtcpRelayed, 1);
});

test('what is fed to a leg without a socket or an address is discarded', () => {
  const path = new MediaPath(LOCKED);
  const world = new World();
  path.feed(1, 0, 'rtp', AUDIO, world);
  path.legOpened(0);
  path.feed(1, 0, 'rtp', AUDIO, world);
  assert.deepEqual([world.forwarded, world.discards], [[], 2]);
});

/** A packet of 20 ms from a party that its NAT has given another address. */
function fromBehindNat(world: World, index: number, address = '198.51.100.7', ssrc = 7): void {
  const header = { payloadType: 0, sequenceNumber: index, timestamp: index * 160, ssrc };
  const packet = rtpDatagram(header, new Uint8Array(160));
  world.path.receive(index * 20, 1, 'rtp', packet, address, 40_000, world);
}

test('nothing of a party behind a NAT is lost while it is being recognised', () => {
  const world = new World();
  world.path.signal(0, 1, { peer: { address: '10.0.0.1', port: 4000 }, asymmetric: false });
  for (let index = 0; index < 4; index++) {
    fromBehindNat(world, index);
  }
  assert.deepEqual([world.forwarded.length, world.discards], [0, 4]);
  fromBehindNat(world, 4);
  assert.deepEqual([world.forwarded.length, world.discards], [5, 0]);
  const { rtpAccepted, rtpRefused, rtpRelayed, analysis } = world.path.counters(1);
  assert.deepEqual([rtpAccepted, rtpRefused, rtpRelayed], [5, 0, 5]);
  assert.ok(analysis.longestGapMs <= 20, 'each is counted at the time when it came');
});

test('a doubtful source is told of and not heard', () => {
  const world = new World();
  world.path.signal(0, 1, { peer: { address: '10.0.0.1', port: 4000 }, asymmetric: false });
  for (let index = 0; index < 10; index++) {
    fromBehindNat(world, index);
    fromBehindNat(world, index, '203.0.113.8', 8);
  }
  assert.deepEqual(world.contests, [1]);
  assert.equal(world.forwarded.length, 10);
});

test('bad input: what strangers send is refused and counted by its kind', () => {
  const world = new World();
  const random = pseudoRandom(1);
  const kinds = {
    speech: 'rtp',
    rtcp: 'rtcp',
    stun: 'stun',
    dtls: 'dtls',
    byte: 'short',
    empty: 'short',
    huge: 'huge',
    version: 'version',
  } as const;
  for (const poison of Object.keys(kinds) as (keyof typeof kinds)[]) {
    world.path.receive(1, 1, 'rtp', makePacket(poison, 0, random), '203.0.113.5', 6000, world);
  }
  assert.deepEqual(world.refusedKinds, Object.values(kinds));
  assert.deepEqual(world.forwarded, []);
});

test('RTP can go straight on only where nothing is to be done with it, and both parties are known', () => {
  const world = new World();
  const way = () => world.path.straightWay(1);
  assert.equal(way(), 'unknown-source');
  world.receive(1, rtpDatagram({ payloadType: 0, sequenceNumber: 1, timestamp: 0, ssrc: 1 }, Buffer.alloc(20)));
  assert.deepEqual(way(), { from: CALLER, to: CALLEE });
  for (const [order, name] of [
    [(on: boolean) => world.path.tap(1, on), 'copied'],
    [(on: boolean) => world.path.mute(0, on), 'prompt'],
    [(on: boolean) => world.path.hide(1, on ? 101 : undefined), 'keys'],
  ] as const) {
    order(true);
    assert.equal(way(), name);
    order(false);
    assert.deepEqual(way(), { from: CALLER, to: CALLEE });
  }
  world.path.setFed();
  assert.equal(way(), 'fed');
});
