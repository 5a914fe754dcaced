import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayImpairment, estimateMos, mosOf } from '../../../src/rtp/mos.ts';

test('R becomes MOS as the table of G.107 annex B says', () => {
  for (const [r, mos] of [
    [100, 4.5],
    [93.2, 4.41],
    [90, 4.34],
    [80, 4.03],
    [70, 3.6],
    [60, 3.1],
    [50, 2.58],
    [0, 1],
    [-20, 1],
    [120, 4.5],
  ] as const) {
    assert.equal(mosOf(r).toFixed(1), mos.toFixed(1), `R ${r}`);
    assert.ok(Math.abs(mosOf(r) - mos) < 0.011, `R ${r}: ${mosOf(r)}`);
  }
});

test('delay costs nothing up to 100 ms, and what G.107 7.4 says beyond', () => {
  assert.equal(delayImpairment(0), 0);
  assert.equal(delayImpairment(100), 0);
  assert.equal(delayImpairment(150).toFixed(2), '0.16');
  assert.equal(delayImpairment(400).toFixed(2), '24.07');
});

const UNHARMED = { lossFraction: 0, jitterMs: 0 };

test('an unharmed stream is as good as its codec', () => {
  const scores = ['PCMU', 'G729', 'GSM', 'G722', 'opus'].map((encoding) =>
    estimateMos({ encoding, ...UNHARMED })?.toFixed(2),
  );
  assert.deepEqual(scores, ['4.41', '4.10', '3.74', '4.34', '4.49']);
});

test('loss costs more where the codec bears it less (Ie,eff of G.107 7.5)', () => {
  // G.711 with concealment, 2 %: 95 · 2 / (2 + 25.1) = 7.01, so R = 86.19.
  assert.ok(Math.abs((estimateMos({ encoding: 'PCMA', lossFraction: 0.02, jitterMs: 0 }) ?? 0) - mosOf(86.19)) < 0.001);
  // G.729, 2 %: 11 + 84 · 2 / (2 + 19) = 19, so R = 74.2.
  assert.equal(estimateMos({ encoding: 'G729', lossFraction: 0.02, jitterMs: 0 }), mosOf(74.2));
});

test('jitter costs what the receiver has to wait for it', () => {
  const calm = estimateMos({ encoding: 'PCMU', ...UNHARMED }) ?? 0;
  const slight = estimateMos({ encoding: 'PCMU', lossFraction: 0, jitterMs: 20 }) ?? 0;
  const bad = estimateMos({ encoding: 'PCMU', lossFraction: 0, jitterMs: 150 }) ?? 0;
  assert.equal(slight, calm);
  assert.ok(bad < calm - 0.3, `${bad}`);
});

test('a score is never outside of its scale, and an encoding that nobody knows has none', () => {
  for (const lossFraction of [-1, 0, 0.5, 1, 2]) {
    for (const jitterMs of [0, 1e3, 1e9]) {
      const mos = estimateMos({ encoding: 'G722', lossFraction, jitterMs }) ?? 0;
      assert.ok(mos >= 1 && mos <= 4.5, `${mos}`);
    }
  }
  assert.equal(estimateMos({ encoding: 'H264', ...UNHARMED }), undefined);
  assert.equal(estimateMos({ encoding: 'constructor', ...UNHARMED }), undefined);
});
