import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JitterEstimator } from '../../../src/rtp/jitter.ts';
import { addSequence, SequenceTracker, sequenceDelta } from '../../../src/rtp/sequence-number.ts';

function track(numbers: readonly number[]): SequenceTracker {
  const tracker = new SequenceTracker();
  for (const number of numbers) {
    tracker.update(number);
  }
  return tracker;
}

function run(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => addSequence(from, index));
}

test('differences wrap at 16 bits', () => {
  assert.equal(sequenceDelta(65535, 0), 1);
  assert.equal(sequenceDelta(0, 65535), -1);
  assert.equal(sequenceDelta(10, 10), 0);
  assert.equal(sequenceDelta(0, 0x7fff), 0x7fff);
  assert.equal(sequenceDelta(0, 0x8000), -0x8000);
  fc.assert(
    fc.property(fc.nat(65535), fc.integer({ min: -32768, max: 32767 }), (from, by) => {
      assert.equal(sequenceDelta(from, addSequence(from, by)), by);
    }),
  );
});

test('a source counts after two packets in sequence (RFC 3550 A.1)', () => {
  const tracker = new SequenceTracker();
  assert.equal(tracker.update(100), 'probation');
  assert.equal(tracker.update(200), 'probation');
  assert.equal(tracker.expected, 0);
  assert.equal(tracker.update(201), 'newer');
  assert.equal(tracker.expected, 1);
  assert.equal(tracker.received, 1);
});

test('the extended highest number counts wraps', () => {
  const tracker = track(run(65530, 20));
  assert.equal(tracker.extendedHighest, 65536 + 13);
  assert.equal(tracker.cumulativeLost, 0);
});

test('late and doubled packets are older, and make the loss smaller (RFC 3550 A.3)', () => {
  const tracker = track([10, 11, 12, 14]);
  assert.equal(tracker.cumulativeLost, 1);
  assert.equal(tracker.update(13), 'older');
  assert.equal(tracker.cumulativeLost, 0);
  assert.equal(tracker.update(14), 'older');
  assert.equal(tracker.cumulativeLost, -1);
});

test('a late packet from before a wrap does not count a wrap', () => {
  const tracker = track([65533, 65534, 65535, 0, 1]);
  assert.equal(tracker.update(65532), 'older');
  assert.equal(tracker.extendedHighest, 65537);
});

test('the fraction lost is that of the interval (RFC 3550 A.3)', () => {
  const tracker = track(run(0, 101));
  assert.equal(tracker.takeFractionLost(), 0);
  for (const number of run(101, 100)) {
    if (number % 4 !== 1) {
      tracker.update(number);
    }
  }
  assert.equal(tracker.takeFractionLost(), 64);
  assert.equal(tracker.takeFractionLost(), 0, 'nothing arrived since');
});

test('one packet from far away is dropped; two in a row are a restarted sender (RFC 3550 A.1)', () => {
  const tracker = track(run(100, 10));
  assert.equal(tracker.update(30_000), 'jump');
  assert.equal(tracker.update(110), 'newer');
  assert.equal(tracker.update(40_000), 'jump');
  assert.equal(tracker.update(40_001), 'newer');
  assert.equal(tracker.extendedHighest, 40_001);
  assert.equal(tracker.cumulativeLost, 0);
});

test('never throws and never reports more lost than expected', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(65535), { maxLength: 200 }), (numbers) => {
      const tracker = track(numbers);
      assert.ok(tracker.cumulativeLost <= tracker.expected);
      const fraction = tracker.takeFractionLost();
      assert.ok(fraction >= 0 && fraction <= 255);
    }),
  );
});

test('jitter is 0 at an even pace, whatever the clocks’ origins (RFC 3550 A.8)', () => {
  const jitter = new JitterEstimator(8000);
  for (let i = 0; i < 100; i++) {
    jitter.update(123.5 + i * 20, (0xffffff00 + i * 160) >>> 0);
  }
  assert.equal(jitter.jitter, 0);
});

test('jitter follows J += (|D| - J) / 16 (RFC 3550 6.4.1)', () => {
  const jitter = new JitterEstimator(8000);
  jitter.update(0, 0);
  // 4 ms late is 32 units: 32/16 = 2, then on time again, 32 units the other way: 2 + (32 - 2)/16 = 3.875.
  jitter.update(24, 160);
  assert.equal(jitter.jitter, 2);
  jitter.update(40, 320);
  assert.equal(jitter.jitter, 3);
  assert.ok(Math.abs(jitter.jitterMs - 3.875 / 8) < 1e-9);
});
