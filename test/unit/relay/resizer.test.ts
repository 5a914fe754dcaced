import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Resizer } from '../../../src/relay/media/resizer.ts';
import { rtpDatagram, viewRtp } from '../../support/datagram-view.ts';

const SSRC = 7;

function open(packetMs: number): { resizer: Resizer; counts: { taken: number; produced: number; dropped: number } } {
  const counts = { taken: 0, produced: 0, dropped: 0 };
  return { resizer: new Resizer(packetMs, counts), counts };
}

/** A packet of `ms` of PCMU whose bytes tell which millisecond they are of. */
function packet(sequenceNumber: number, fromMs: number, ms: number, payloadType = 0, ssrc = SSRC): Buffer {
  const payload = Buffer.from({ length: ms * 8 } as ArrayLike<number>).map(
    (_, i) => (fromMs + Math.floor(i / 8)) & 0xff,
  );
  return rtpDatagram({ payloadType, sequenceNumber, timestamp: fromMs * 8, ssrc }, payload);
}

function views(
  packets: readonly Uint8Array[],
): { sequence: number; ms: number; length: number; first: number | undefined }[] {
  return packets.map((bytes) => {
    const view = viewRtp(bytes);
    assert.ok(view);
    return {
      sequence: view.sequenceNumber,
      ms: view.timestamp / 8,
      length: view.payload.length / 8,
      first: view.payload[0],
    };
  });
}

test('four packets of 10 ms are two of 20 ms: contiguous numbers, the time stamp of the first sample', () => {
  const { resizer, counts } = open(20);
  const out = [0, 1, 2, 3].flatMap((i) => resizer.push(i * 10, packet(100 + i, i * 10, 10)));
  assert.deepEqual(views(out), [
    { sequence: 100, ms: 0, length: 20, first: 0 },
    { sequence: 101, ms: 20, length: 20, first: 20 },
  ]);
  assert.deepEqual(counts, { taken: 4, produced: 2, dropped: 0 });
  assert.equal(resizer.dueAt, Number.POSITIVE_INFINITY);
});

test('one packet of 60 ms is three of 20 ms, and 25 is rounded up to 30', () => {
  assert.deepEqual(
    views(open(20).resizer.push(0, packet(1, 0, 60))).map(({ sequence, ms }) => [sequence, ms]),
    [
      [1, 0],
      [2, 20],
      [3, 40],
    ],
  );
  assert.deepEqual(
    views(open(25).resizer.push(0, packet(1, 0, 60))).map(({ length }) => length),
    [30, 30],
  );
});

test('audio waits max(2n, 40) ms for the rest of its packet, then leaves shorter', () => {
  const { resizer } = open(30);
  assert.deepEqual(resizer.push(1000, packet(1, 0, 10)), []);
  assert.equal(resizer.dueAt, 1060);
  assert.deepEqual(views(resizer.flush()), [{ sequence: 1, ms: 0, length: 10, first: 0 }]);
  assert.equal(open(10).resizer.dueAt, Number.POSITIVE_INFINITY);
});

test('a packet that comes too late is dropped, one that was overtaken finds its place, a gap stays a gap', () => {
  const { resizer, counts } = open(20);
  assert.deepEqual(resizer.push(0, packet(2, 10, 10)), []);
  assert.deepEqual(views(resizer.push(1, packet(1, 0, 10))), [{ sequence: 2, ms: 0, length: 20, first: 0 }]);
  assert.deepEqual(resizer.push(2, packet(1, 0, 10)), []);
  assert.equal(counts.dropped, 1);
  assert.deepEqual(resizer.push(3, packet(4, 30, 10)), []);
  const out = [...resizer.push(4, packet(6, 50, 10)), ...resizer.flush()];
  assert.deepEqual(
    views(out).map(({ ms, length }) => [ms, length]),
    [
      [30, 10],
      [50, 10],
    ],
  );
});

test('pain 30: other payload types and a new SSRC push out what waits, and numbers stay contiguous', () => {
  const { resizer } = open(40);
  const out = [
    ...resizer.push(0, packet(1, 0, 10)),
    ...resizer.push(1, packet(2, 0, 1, 101)),
    ...resizer.push(2, packet(3, 10, 10)),
    ...resizer.push(3, packet(900, 0, 10, 0, SSRC + 1)),
    ...resizer.flush(),
  ];
  assert.deepEqual(
    out.map((bytes) => [viewRtp(bytes)?.sequenceNumber, viewRtp(bytes)?.payloadType, viewRtp(bytes)?.ssrc]),
    [
      [1, 0, SSRC],
      [2, 101, SSRC],
      [3, 0, SSRC],
      [4, 0, SSRC + 1],
    ],
  );
});

test('whatever comes in order comes out, each byte once and in order', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 60 }),
      (n, lengths) => {
        const { resizer } = open(n);
        let at = 0;
        const sent: number[] = [];
        const out: Uint8Array[] = [];
        lengths.forEach((ms, index) => {
          const bytes = packet(index, at, ms);
          sent.push(...bytes.subarray(12));
          out.push(...resizer.push(at, bytes));
          at += ms;
        });
        out.push(...resizer.flush());
        assert.deepEqual(
          out.flatMap((bytes) => [...bytes.subarray(12)]),
          sent,
        );
      },
    ),
  );
});
