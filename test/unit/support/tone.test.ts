import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeG711, joinSamples, readWav, TELEPHONE_RATE_HZ, toneShare, toneWav } from '../../support/tone.ts';

test('a tone is found at its own frequency and nowhere else', () => {
  const { rateHz, samples } = readWav(toneWav(440, 1));
  assert.equal(rateHz, TELEPHONE_RATE_HZ);
  assert.equal(samples.length, TELEPHONE_RATE_HZ);
  assert.ok(toneShare(samples, 440) > 0.95);
  assert.ok(toneShare(samples, 1000) < 0.01);
});

test('silence and noise hold no tone', () => {
  // A linear congruential generator (Numerical Recipes) is noise enough, and the same in each run.
  let state = 1;
  const noise = Float64Array.from({ length: TELEPHONE_RATE_HZ }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 17 - 2 ** 14;
  });
  assert.equal(toneShare(new Float64Array(TELEPHONE_RATE_HZ), 440), 0);
  assert.ok(toneShare(noise, 440) < 0.1);
});

test('a tone is found in spite of a lost packet', () => {
  const { samples } = readWav(toneWav(1000, 1));
  const withGap = joinSamples([samples.subarray(0, 3217), samples.subarray(3377)]);
  assert.ok(toneShare(withGap, 1000) > 0.9);
});

test('a recording whose size is not written yet is read to its end', () => {
  const file = toneWav(440, 0.5);
  file.writeUInt32LE(0, 40);
  assert.equal(readWav(file).samples.length, TELEPHONE_RATE_HZ / 2);
});

test('G.711 code words decode to the values of ITU-T G.711 tables 1a to 2b', () => {
  // The largest, the smallest and a middle value of each law, scaled to 16 bits.
  assert.deepEqual(
    [...(decodeG711(0, Uint8Array.of(0x00, 0x80, 0xff, 0x7f, 0x8f)) ?? [])],
    [-32124, 32124, 0, -0, 16764],
  );
  assert.deepEqual([...(decodeG711(8, Uint8Array.of(0x2a, 0xaa, 0xd5, 0x55)) ?? [])], [-32256, 32256, 8, -8]);
  assert.equal(decodeG711(101, Uint8Array.of(0)), undefined);
});
