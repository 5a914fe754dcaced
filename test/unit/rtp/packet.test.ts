import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mediaKindOf } from '../../../src/rtp/demultiplex.ts';
import { formatPacket, parsePacket, type RtpPacket } from '../../../src/rtp/packet.ts';
import { staticPayloadType } from '../../../src/rtp/payload-types.ts';
import { fromHex, RTCP_VECTORS, RTP_VECTORS } from '../../vectors/rtp.ts';

function parsed(bytes: Uint8Array): RtpPacket {
  const result = parsePacket(bytes);
  assert.ok(result.ok, result.ok ? '' : result.error.code);
  return result.value;
}

test('a plain packet, field by field (RFC 3550 5.1)', () => {
  const packet = parsed(fromHex(RTP_VECTORS.pcmu.hex));
  assert.equal(packet.marker, true);
  assert.equal(packet.payloadType, 0);
  assert.equal(packet.sequenceNumber, 0x1234);
  assert.equal(packet.timestamp, 160);
  assert.equal(packet.ssrc, 0xdeadbeef);
  assert.deepEqual(packet.csrcs, []);
  assert.equal(packet.extension, undefined);
  assert.equal(Buffer.from(packet.payload).toString('hex'), 'ff7f7fff');
  assert.equal(packet.paddingBytes, 0);
});

test('CSRCs, extension and padding (RFC 3550 5.1, 5.3.1)', () => {
  const packet = parsed(fromHex(RTP_VECTORS.full.hex));
  assert.equal(packet.marker, false);
  assert.equal(packet.payloadType, 96);
  assert.equal(packet.sequenceNumber, 65535);
  assert.equal(packet.timestamp, 0xfffffff0);
  assert.deepEqual(packet.csrcs, [10, 11]);
  assert.equal(packet.extension?.profile, 0xbede);
  assert.equal(Buffer.from(packet.extension?.data ?? []).toString('hex'), '10aa0000');
  assert.equal(Buffer.from(packet.payload).toString('hex'), 'c0ffee');
  assert.equal(packet.paddingBytes, 3);
});

for (const { name, hex, section } of Object.values(RTP_VECTORS)) {
  test(`formats back to the same octets: ${name} (RFC 3550 ${section})`, () => {
    const bytes = fromHex(hex);
    assert.deepEqual(Buffer.from(formatPacket(parsed(bytes))), bytes);
  });
}

test('what is no RTP packet is refused with a code and a place', () => {
  const refused: [string, string, number][] = [
    ['', 'truncated', 0],
    ['80 00 0001 00000000 010203', 'truncated', 11],
    ['40 00 0001 00000000 01020304', 'bad-version', 0],
    ['81 00 0001 00000000 01020304', 'truncated-csrc', 12],
    ['90 00 0001 00000000 01020304 bede', 'truncated-extension', 12],
    ['90 00 0001 00000000 01020304 bede0002 00000000', 'truncated-extension', 12],
    ['a0 00 0001 00000000 01020304 00', 'bad-padding', 12],
    ['a0 00 0001 00000000 01020304 ff02', 'parses', 0],
    ['a0 00 0001 00000000 01020304 ff03', 'bad-padding', 13],
    ['a0 00 0001 00000000 01020304', 'bad-padding', 11],
  ];
  for (const [hex, code, offset] of refused) {
    const result = parsePacket(fromHex(hex));
    if (code === 'parses') {
      assert.ok(result.ok, hex);
    } else {
      assert.ok(!result.ok, hex);
      assert.deepEqual([result.error.code, result.error.offset], [code, offset], hex);
    }
  }
});

test('never throws, and what parses formats back to the same octets but for padding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, versioned) => {
      if (versioned && bytes.length > 0) {
        bytes[0] = 0x80 | ((bytes[0] ?? 0) & 0x3f);
      }
      const result = parsePacket(bytes);
      if (result.ok) {
        const { paddingBytes } = result.value;
        const end = bytes.length - paddingBytes;
        assert.deepEqual(formatPacket(result.value).subarray(0, end), bytes.subarray(0, end));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a datagram into a larger buffer is read from its own beginning', () => {
  const buffer = Buffer.concat([Buffer.from('junk'), fromHex(RTP_VECTORS.pcmu.hex)]);
  assert.equal(parsed(buffer.subarray(4)).ssrc, 0xdeadbeef);
});

test('a packet without a form on the wire is our mistake', () => {
  const packet = parsed(fromHex(RTP_VECTORS.empty.hex));
  assert.throws(() => formatPacket({ ...packet, csrcs: new Array<number>(16).fill(1) }), RangeError);
  assert.throws(() => formatPacket({ ...packet, extension: { profile: 1, data: new Uint8Array(3) } }), RangeError);
});

test('RTP and RTCP are told apart by the second octet (RFC 5761 4)', () => {
  for (const { hex } of Object.values(RTP_VECTORS)) {
    assert.equal(mediaKindOf(fromHex(hex)), 'rtp');
  }
  for (const { hex } of Object.values(RTCP_VECTORS)) {
    assert.equal(mediaKindOf(fromHex(hex)), 'rtcp');
  }
  assert.equal(mediaKindOf(fromHex('00 01 0000 2112a442 000000000000000000000000')), 'other', 'STUN');
  assert.equal(mediaKindOf(fromHex('80 c8 00')), 'other');
  assert.equal(mediaKindOf(fromHex('80 00 0001')), 'other');
  assert.equal(mediaKindOf(new Uint8Array()), 'other');
});

test('static payload types (RFC 3551 6)', () => {
  assert.deepEqual(staticPayloadType(0), { encoding: 'PCMU', media: 'audio', clockRateHz: 8000, channels: 1 });
  assert.equal(staticPayloadType(9)?.clockRateHz, 8000);
  assert.equal(staticPayloadType(34)?.media, 'video');
  for (const unassigned of [1, 2, 19, 35, 72, 96, 127, 128, -1]) {
    assert.equal(staticPayloadType(unassigned), undefined, `${unassigned}`);
  }
});
