/** The load generator's packets: what a phone would take for RTP and RTCP, and no changed bit unseen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type FlowIdentity,
  isIntact,
  type PacketShape,
  RTCP,
  RTP,
  stamp,
  writeTemplate,
} from '../../../../scripts/bench/relay/packets.ts';

const FLOW: FlowIdentity = { slot: 17, side: 1, serial: 4711 };
const [SECONDS, NANOSECONDS] = [1_795_391_099, 987_654_321];

function packet(shape: PacketShape, sequence: number): Uint32Array {
  const words = new Uint32Array(shape.words);
  writeTemplate(words, 0, shape, FLOW);
  stamp(words, 0, shape, sequence, SECONDS, NANOSECONDS);
  return words;
}

test('RTP: version 2, PCMU, 160 samples a packet, 160 bytes of audio; the sequence number wraps', () => {
  const first = Buffer.from(packet(RTP, 0).buffer);
  const later = Buffer.from(packet(RTP, 200).buffer);
  assert.equal(first.length, 12 + 160);
  assert.deepEqual([first[0], first[1]], [0x80, 0]);
  assert.equal(later.readUInt16BE(2), (first.readUInt16BE(2) + 200) % 65_536);
  assert.ok(later.readUInt16BE(2) < first.readUInt16BE(2));
  assert.equal(later.readUInt32BE(4) - first.readUInt32BE(4), 200 * 160);
  assert.equal(later.readUInt32BE(8), first.readUInt32BE(8));
});

test('RTCP: a compound of SR, SDES and APP whose lengths add up, with the time of NTP', () => {
  const bytes = Buffer.from(packet(RTCP, 3).buffer);
  const types: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    assert.equal((bytes[at] ?? 0) >> 6, 2);
    types.push(bytes[at + 1] ?? 0);
    at += (bytes.readUInt16BE(at + 2) + 1) * 4;
  }
  assert.equal(at, bytes.length);
  assert.deepEqual(types, [200, 202, 204]);
  assert.equal(bytes.readUInt32BE(8), SECONDS + 2_208_988_800);
  assert.ok(Math.abs(bytes.readUInt32BE(12) / 2 ** 32 - NANOSECONDS / 1e9) < 1e-8);
});

for (const shape of [RTP, RTCP]) {
  test(`${shape.kind}: a packet is intact beside a later template, and no bit of it can change unseen`, () => {
    const template = packet(shape, 9);
    const received = packet(shape, 5);
    assert.ok(isIntact(received, 0, shape, template, 0));
    for (let bit = 0; bit < shape.words * 32; bit++) {
      const changed = received.slice();
      changed[bit >>> 5] = ((changed[bit >>> 5] ?? 0) ^ (1 << (bit & 31))) >>> 0;
      assert.ok(!isIntact(changed, 0, shape, template, 0), `bit ${bit}`);
    }
  });
}
