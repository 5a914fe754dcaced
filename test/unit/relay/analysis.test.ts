import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RtpAnalysis } from '../../../src/relay/media/analysis.ts';
import { rtpDatagram } from '../../support/datagram-view.ts';

function packet(sequenceNumber: number, ssrc = 1): Buffer {
  return rtpDatagram({ payloadType: 0, sequenceNumber, timestamp: sequenceNumber * 160, ssrc }, Buffer.alloc(20));
}

function analyse(sequence: readonly number[]): RtpAnalysis {
  const analysis = new RtpAnalysis();
  for (const [index, number] of sequence.entries()) {
    analysis.add(index * 20, packet(number));
  }
  return analysis;
}

function figures({ sent, received, duplicates, lost }: RtpAnalysis): readonly number[] {
  return [sent, received, duplicates, lost];
}

test('pain 27: counts loss, duplicates and packets out of order (sent, received, duplicates, lost)', () => {
  assert.deepEqual(figures(new RtpAnalysis()), [0, 0, 0, 0]);
  assert.deepEqual(figures(analyse([1, 2, 3])), [3, 3, 0, 0]);
  assert.deepEqual(figures(analyse([1, 2, 5])), [5, 3, 0, 2]);
  assert.deepEqual(figures(analyse([1, 2, 2, 3, 1])), [3, 3, 2, 0]);
  assert.deepEqual(figures(analyse([3, 1, 2])), [3, 3, 0, 0]);
});

test('sequence numbers wrap', () => {
  assert.deepEqual(figures(analyse([65_534, 65_535, 0, 1])), [4, 4, 0, 0]);
  assert.deepEqual(figures(analyse([65_534, 1, 65_535, 0])), [4, 4, 0, 0]);
});

test('a jump of more than 536 starts a segment: nothing of it is lost', () => {
  assert.deepEqual(figures(analyse([1, 2, 1000, 1001])), [4, 4, 0, 0]);
});

test('another SSRC starts a segment', () => {
  const analysis = analyse([1, 2]);
  analysis.add(60, packet(9, 2));
  assert.deepEqual(figures(analysis), [3, 3, 0, 0]);
});

test('jitter is 0 for a steady sender and grows by 1/16 of a deviation (RFC 3550 A.8)', () => {
  const analysis = analyse([1, 2, 3]);
  assert.equal(analysis.jitterMax, 0);
  analysis.add(80, packet(4)); // 20 ms late: 160 units
  assert.equal(analysis.jitterLast, 10);
  assert.equal(analysis.longestGapMs, 40);
});

function dynamic(payloadType: number, sequenceNumber: number, timestamp: number): Buffer {
  return rtpDatagram({ payloadType, sequenceNumber, timestamp, ssrc: 7 }, Buffer.alloc(20));
}

test('the clock of a dynamic payload type is learned from its stream, and jitter measured by it', () => {
  const analysis = new RtpAnalysis();
  for (let index = 0; index < 50; index += 1) {
    analysis.add(index * 20, dynamic(111, index, index * 960));
  }
  assert.deepEqual([analysis.payloadType, analysis.clockHz, Math.round(analysis.jitterMax)], [111, 48_000, 0]);
  analysis.add(50 * 20 + 16, dynamic(111, 50, 50 * 960));
  assert.equal(Math.round(analysis.jitterLast), 48); // 16 ms are 768 units
});

test('a clock that nothing has stays unknown, and has no jitter', () => {
  const analysis = new RtpAnalysis();
  for (let index = 0; index < 100; index += 1) {
    analysis.add(index * 20, dynamic(96, index, (index * 2_654_435_761) % 2 ** 32));
  }
  assert.deepEqual([analysis.clockHz, analysis.jitterLast, analysis.received], [0, 0, 100]);
});

test('a key is no codec: its packets share the timestamp of the first one, which has the marker', () => {
  const analysis = analyse([1, 2, 3]);
  for (let index = 4; index < 10; index += 1) {
    const event = rtpDatagram({ payloadType: 101, sequenceNumber: index, timestamp: 640, ssrc: 1 }, Buffer.alloc(4));
    if (index === 4) {
      event.writeUInt8(0x80 | 101, 1);
    }
    analysis.add(index * 20, event);
  }
  assert.deepEqual([analysis.payloadType, analysis.clockHz], [0, 8_000]);
});

test('pauses that can be heard are counted', () => {
  const analysis = new RtpAnalysis();
  for (const [index, at] of [0, 20, 300, 320, 1000].entries()) {
    analysis.add(at, packet(index));
  }
  assert.deepEqual([analysis.gaps, analysis.longestGapMs, analysis.lastAt], [2, 680, 1000]);
});

test('noise is counted and changes nothing else', () => {
  const analysis = new RtpAnalysis();
  analysis.add(0, Buffer.from('hello'));
  assert.equal(analysis.parseErrors, 1);
  assert.equal(analysis.received, 0);
});

test('for any order of packets received + lost = sent', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(70_000), { maxLength: 200 }), (sequence) => {
      const analysis = analyse(sequence.map((number) => number % 65_536));
      assert.ok(analysis.lost >= 0);
      assert.equal(analysis.received + analysis.duplicates, sequence.length);
    }),
  );
});
