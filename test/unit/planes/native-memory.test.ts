/** The memory that threads share: addresses, counters, copies of packets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AddressBook, encodeAddress, portOf } from '../../../src/planes/native/addresses.ts';
import { CopyRing } from '../../../src/planes/native/copy-ring.ts';
import { SLAB_PLACES, Slab } from '../../../src/planes/native/shared-session.ts';
import { SharedTotals, SummedTotals } from '../../../src/planes/native/shared-totals.ts';
import { type Place, SlabPlaces } from '../../../src/planes/native/slab-places.ts';
import { WorkerTotals } from '../../../src/planes/native/worker-totals.ts';
import { LEG_CELLS, LegCounters } from '../../../src/relay/media/counters.ts';
import { JOINT_CELLS } from '../../../src/relay/media/passed-on.ts';
import type { SessionId, Side } from '../../../src/relay/plane.ts';
import { canonicalAddress } from '../../../src/wire/ip-address.ts';
import { rtpDatagram } from '../../support/datagram-view.ts';

const address = fc.oneof(fc.ipV4(), fc.ipV6()).filter((text) => canonicalAddress(text) !== undefined);
/** Not the first one: its offsets are not 0. */
function newPlace(): { readonly slab: Slab; readonly place: number } {
  const slab = new Slab();
  slab.clear(3);
  return { slab, place: 3 };
}

const port = fc.integer({ min: 0, max: 65_535 });

test('an address is the same text and port after its way through a sockaddr', () => {
  const book = new AddressBook();
  fc.assert(
    fc.property(address, port, (text, number) => {
      const words = new Int32Array(8);
      assert.ok(encodeAddress({ address: text, port: number }, words) > 0);
      assert.equal(book.text(words), canonicalAddress(text));
      assert.equal(portOf(words), number);
    }),
  );
});

test('an address of one link keeps the number of its interface, and what is no address has no length', () => {
  const words = new Int32Array(8);
  assert.equal(encodeAddress({ address: 'fe80::1%3', port: 5 }, words), 28);
  assert.equal(new AddressBook().text(words), 'fe80::1%3');
  for (const text of ['', 'example.org', '1.2.3', '::1::', '1.2.3.4%5']) {
    assert.equal(encodeAddress({ address: text, port: 5 }, words), 0, text);
  }
});

test('of a million strangers the book keeps its size, and tells each by its own text', () => {
  const book = new AddressBook();
  const words = new Int32Array(8);
  encodeAddress({ address: '0.0.0.0', port: 1 }, words);
  for (let stranger = 0; stranger < 1_000_000; stranger += 1) {
    words[1] = Math.imul(stranger, 0x9e3779b1);
    const text = book.text(words);
    if (stranger % 9973 === 0) {
      const again = new Int32Array(8);
      encodeAddress({ address: text, port: 1 }, again);
      assert.deepEqual(again, words);
    }
  }
});

test('one thread writes a leg’s addresses, the other reads what was written last, or that there is none', () => {
  const { slab, place } = newPlace();
  const [writer, reader] = [slab.leg(place, 1), new Slab(slab.memory).leg(place, 1)];
  assert.equal(reader.remote.read(), undefined);
  fc.assert(
    fc.property(fc.array(fc.option(fc.record({ address: fc.ipV4(), port }))), (written) => {
      for (const one of written) {
        writer.remote.write(one ?? undefined);
        assert.deepEqual(reader.remote.read(), one === null ? undefined : { ...one });
      }
    }),
  );
  assert.equal(slab.leg(place, 0).remote.read(), undefined);
  assert.equal(reader.source.read(), undefined);
});

test('a writer that died half way does not hold the reader up, and its successor is read', () => {
  const { slab, place } = newPlace();
  const leg = slab.leg(place, 0);
  const reader = slab.leg(place, 0);
  leg.remote.write({ address: '192.0.2.1', port: 1 });
  assert.equal(reader.remote.read()?.port, 1);
  // Odd: somebody is writing.
  const words = new Int32Array(slab.memory);
  const version = 2 * (LEG_CELLS + JOINT_CELLS) + (words.length / SLAB_PLACES) * place;
  assert.equal(words[version], 2);
  Atomics.add(words, version, 1);
  assert.equal(reader.remote.read()?.port, 1);
  slab.leg(place, 0).remote.write({ address: '192.0.2.2', port: 2 });
  assert.deepEqual(reader.remote.read(), { address: '192.0.2.2', port: 2 });
});

test('counters go on where another thread has left them', () => {
  const { slab, place } = newPlace();
  const reader = slab.leg(place, 0).counters;
  assert.deepEqual(figures(reader), figures(new LegCounters()));
  const whole = new LegCounters();
  for (let number = 1; number <= 40; number += 1) {
    const header = { payloadType: 0, sequenceNumber: number * 2, timestamp: number * 320, ssrc: 5 };
    const packet = rtpDatagram(header, Buffer.alloc(20));
    // Each packet by another thread.
    for (const counters of [whole, slab.leg(place, 0).counters]) {
      counters.countAccepted(true);
      counters.lastAcceptedAt = number * 41;
      counters.analysis.add(number * 41, packet);
    }
  }
  assert.ok(whole.analysis.lost > 30 && whole.analysis.jitterMean > 0);
  assert.deepEqual(figures(reader), figures(whole));
  assert.deepEqual(figures(slab.leg(place, 1).counters), figures(new LegCounters()));
});

test('a place is used again as one that has seen nothing, and neighbours do not notice', () => {
  const places = new SlabPlaces();
  const taken = Array.from({ length: SLAB_PLACES + 1 }, () => places.take());
  assert.equal(places.slabs.length, 2);
  assert.equal(new Set(taken.map(({ slab, place }) => `${slab}/${place}`)).size, SLAB_PLACES + 1);
  const legOf = ({ slab, place }: Place, side: Side) => (places.slabs[slab] as Slab).leg(place, side);
  for (const [number, place] of taken.entries()) {
    for (const side of [0, 1] as const) {
      const leg = legOf(place, side);
      leg.counters.countRefused(true, 2 * number + side);
      leg.remote.write({ address: '192.0.2.1', port: 2 * number + side });
      leg.flow.set('kernel', number);
      const header = { payloadType: 0, sequenceNumber: number, timestamp: 160, ssrc: 5 };
      leg.counters.analysis.add(number, rtpDatagram(header, Buffer.alloc(20)));
      leg.counters.analysis.add(number, rtpDatagram(header, Buffer.alloc(20)));
    }
  }
  for (const [number, place] of taken.entries()) {
    const { counters, remote, flow } = legOf(place, 1);
    assert.deepEqual([counters.rtpRefused, remote.read()?.port, flow.place], [2 * number + 1, 2 * number + 1, number]);
    assert.deepEqual([counters.analysis.received, counters.analysis.duplicates], [1, 1]);
  }
  places.release(taken[7] as Place);
  const again = places.take();
  assert.deepEqual(again, taken[7]);
  const { counters, remote, source, flow } = legOf(again, 1);
  assert.deepEqual(figures(counters), figures(new LegCounters()));
  assert.deepEqual([counters.rtpRefused, remote.read(), source.read(), flow.place], [0, undefined, undefined, -1]);
  assert.equal(legOf(taken[8] as Place, 0).counters.rtpRefused, 16);
});

function figures(counters: LegCounters): readonly unknown[] {
  const { analysis } = counters;
  const { sent, lost, received, duplicates, longestGapMs, jitterLast, jitterMax, jitterMean } = analysis;
  const { rtpAccepted, rtcpAccepted, lastAcceptedAt } = counters;
  const own = [rtpAccepted, rtcpAccepted, lastAcceptedAt];
  return [...own, sent, lost, received, duplicates, longestGapMs, jitterLast, jitterMax, jitterMean];
}

test('copies come out as they went in, in order, around the end of the ring', () => {
  const writer = new CopyRing();
  const reader = new CopyRing(writer.memory);
  const source = new Int32Array(8);
  encodeAddress({ address: '192.0.2.7', port: 4000 }, source);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.boolean(), fc.integer({ min: 0, max: 65_507 })), {
        maxLength: 12,
      }),
      (packets) => {
        for (const [side, isRtp, length] of packets) {
          const packet = new Uint8Array(length).fill(length & 0xff);
          assert.ok(writer.write(9 as SessionId, side as Side, isRtp ? 'rtp' : 'rtcp', packet, source));
        }
        const taken: unknown[] = [];
        reader.drain((session, side, component, packet, { address: from }) => {
          assert.ok(packet.every((byte) => byte === (packet.length & 0xff)));
          taken.push([session, side, component, packet.length, from]);
        });
        assert.deepEqual(
          taken,
          packets.map(([side, isRtp, length]) => [9, side, isRtp ? 'rtp' : 'rtcp', length, '192.0.2.7']),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('a ring that nobody reads takes about a megabyte, refuses the rest, and goes on once it is read', () => {
  const ring = new CopyRing();
  const source = new Int32Array(8);
  encodeAddress({ address: '::1', port: 1 }, source);
  const packet = new Uint8Array(1000);
  const write = (): boolean => ring.write(1 as SessionId, 0, 'rtp', packet, source);
  let taken = 0;
  while (taken < 5000 && write()) {
    taken += 1;
  }
  assert.ok(taken > 900 && taken < 1100, `${taken} packets`);
  assert.ok(ring.announce());
  assert.ok(!ring.announce());
  let read = 0;
  ring.drain(() => {
    read += 1;
  });
  assert.equal(read, taken);
  assert.ok(write() && ring.announce());
});

test('totals are the sum over all workers; errors are told apart', () => {
  const workers = [new SharedTotals(), new SharedTotals()];
  const summed = new SummedTotals(() => workers, { pending: () => 0, flows: () => new Map() });
  for (const shared of workers) {
    const totals = new WorkerTotals(new SharedTotals(shared.memory));
    totals.countReceived();
    totals.countRelayed();
    totals.countDiscarded(3);
    totals.countDiscarded(-1);
    totals.resizer.taken += 2;
    totals.countSystemError(1);
    totals.countSystemError(105);
    totals.countSystemError(9999);
  }
  summed.countPlayError('EPERM');
  assert.deepEqual([summed.received, summed.relayed, summed.discarded, summed.resizer.taken], [2, 2, 4, 4]);
  assert.deepEqual([summed.errorsOf('EPERM'), summed.errorsOf('ENOBUFS'), summed.errorsOf('other')], [3, 2, 2]);
  assert.equal(summed.errors, 7);
});

test('packets that move from the kernel’s count to a worker’s are never told twice', () => {
  const shared = new SharedTotals();
  const totals = new WorkerTotals(shared);
  let pending = 30;
  const summed = new SummedTotals(() => [shared], { pending: () => pending, flows: () => new Map() });
  assert.equal(summed.inKernel, 30);
  totals.joinKernel(30, () => {
    assert.deepEqual([summed.inKernel, pending], [30, 30]);
    pending = 0;
  });
  assert.deepEqual([summed.inKernel, summed.relayed, summed.received], [30, 30, 30]);
});

test('orders that wait are announced once, and asked for once', () => {
  const totals = new SharedTotals();
  assert.ok(!totals.takeOrders());
  assert.deepEqual([totals.announceOrders(), totals.announceOrders()], [true, false]);
  assert.deepEqual([totals.takeOrders(), totals.takeOrders()], [true, false]);
  assert.ok(totals.announceOrders());
});
