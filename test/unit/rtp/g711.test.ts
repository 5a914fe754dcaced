import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeALaw, encodeMuLaw } from '../../../src/rtp/g711.ts';
import { decodeG711 } from '../../support/tone.ts';

const LAWS = [
  ['µ-law', encodeMuLaw, 0],
  ['A-law', encodeALaw, 8],
] as const;

for (const [name, encode, payloadType] of LAWS) {
  test(`${name}: every code is what its own value encodes to`, () => {
    for (let code = 0; code < 256; code++) {
      const [value = 0] = decodeG711(payloadType, Uint8Array.of(code)) ?? [];
      const again = encode(value);
      const [same = 1] = decodeG711(payloadType, Uint8Array.of(again)) ?? [];
      assert.equal(same + 0, value + 0, `code ${code}`);
    }
  });

  test(`${name}: the error of any sample is at most half a step of its segment`, () => {
    for (let sample = -32_000; sample <= 32_000; sample += 7) {
      const [value = 0] = decodeG711(payloadType, Uint8Array.of(encode(sample))) ?? [];
      assert.ok(Math.abs(value - sample) <= Math.max(16, Math.abs(sample) / 25), `${sample} → ${value}`);
    }
  });
}
