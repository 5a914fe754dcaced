/** Figures of the load generator: a wrong quantile would be believed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from '../../../../scripts/bench/relay/histogram.ts';

test('a quantile is the value at its rank, 1.6 % above at most', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      (values, share) => {
        const histogram = new Histogram();
        for (const value of values) {
          histogram.add(value);
        }
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(values.length * share)) - 1] ?? 0;
        const told = histogram.quantile(share);
        assert.ok(told >= exact && told <= exact * 1.016 + 0.001, `${told} for ${exact}`);
        assert.equal(histogram.max, sorted.at(-1));
      },
    ),
  );
});

test('counts what is above a limit, takes what is below zero as zero, and forgets', () => {
  const histogram = new Histogram();
  for (const value of [-3, 0, 10, 199_000, 205_000, 3_000_000]) {
    histogram.add(value);
  }
  assert.equal(histogram.above(200_000), 2);
  assert.equal(histogram.total, 6);
  histogram.clear();
  assert.deepEqual([histogram.total, histogram.max, histogram.quantile(0.99), histogram.above(0)], [0, 0, 0, 0]);
});
