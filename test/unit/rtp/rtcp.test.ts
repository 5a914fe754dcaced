import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatCompound, isFullCompound, parseCompound, type RtcpPacket } from '../../../src/rtp/rtcp/compound.ts';
import type { ReportBlock } from '../../../src/rtp/rtcp/report-block.ts';
import { fromHex, RTCP_VECTORS } from '../../vectors/rtp.ts';

function parsed(bytes: Uint8Array): readonly RtcpPacket[] {
  const result = parseCompound(bytes);
  assert.ok(result.ok, result.ok ? '' : `${result.error.code} at ${result.error.offset}`);
  return result.value;
}

test('SR, SDES and BYE in one datagram, field by field (RFC 3550 6.4.1, 6.5, 6.6)', () => {
  const packets = parsed(fromHex(RTCP_VECTORS.senderReport.hex));
  assert.deepEqual(packets, [
    {
      kind: 'sender-report',
      ssrc: 0xdeadbeef,
      ntpSeconds: 0xe6f1c2d3,
      ntpFraction: 0x80000000,
      rtpTimestamp: 80000,
      packetCount: 1000,
      octetCount: 160000,
      reports: [
        {
          ssrc: 0x0badf00d,
          fractionLost: 64,
          cumulativeLost: -2,
          extendedHighest: 65541,
          jitter: 17,
          lsr: 0xc2d38000,
          dlsr: 65536,
        },
      ],
      extension: Buffer.alloc(0),
    },
    {
      kind: 'source-description',
      chunks: [{ ssrc: 0xdeadbeef, items: [{ type: 1, value: Buffer.from('a.b@c.d') }] }],
    },
    { kind: 'goodbye', ssrcs: [0xdeadbeef], reason: Buffer.from('bye') },
  ]);
  assert.ok(isFullCompound(packets));
});

test('APP and an unread type', () => {
  assert.deepEqual(parsed(fromHex(RTCP_VECTORS.application.hex)), [
    { kind: 'application', subtype: 5, ssrc: 0x01020304, name: 'TEST', data: fromHex('cafebabe') },
  ]);
  const [feedback] = parsed(fromHex(RTCP_VECTORS.feedback.hex));
  assert.equal(feedback?.kind === 'opaque' && feedback.packetType, 205);
  assert.ok(!isFullCompound(parsed(fromHex(RTCP_VECTORS.feedback.hex))), 'reduced size (RFC 5506)');
});

for (const { name, hex, section } of Object.values(RTCP_VECTORS)) {
  test(`formats back to the same octets: ${name} (RFC 3550 ${section})`, () => {
    const bytes = fromHex(hex);
    assert.deepEqual(Buffer.from(formatCompound(parsed(bytes))), bytes);
  });
}

test('padding is allowed at the very end only, in whole words (RFC 3550 6.4.1, A.2)', () => {
  assert.deepEqual(parsed(fromHex('a0 c9 0002 01020304 00000004')), [
    { kind: 'receiver-report', ssrc: 0x01020304, reports: [], extension: Buffer.alloc(0) },
  ]);
  for (const hex of [
    'a0 c9 0002 01020304 00000004  80 c9 0001 01020304',
    'a0 c9 0002 01020304 00000003',
    'a0 c9 0002 01020304 00000000',
    'a0 c9 0001 0000000c',
  ]) {
    const result = parseCompound(fromHex(hex));
    assert.ok(!result.ok && result.error.code === 'bad-padding', hex);
  }
});

test('what is no RTCP is refused with a code and a place', () => {
  const refused: [string, string, number][] = [
    ['', 'truncated', 0],
    ['80 c9 00', 'truncated', 3],
    ['40 c9 0001 01020304', 'bad-version', 0],
    ['80 c9 0002 01020304', 'bad-length', 2],
    ['80 c9 0001 01020304 80', 'truncated', 9],
    ['81 c8 0006 01020304 00000000 00000000 00000000 00000000 00000000', 'truncated-sender-report', 28],
    ['81 c9 0001 01020304', 'truncated-receiver-report', 8],
    ['81 ca 0000', 'truncated-sdes-chunk', 4],
    ['81 ca 0002 01020304 01ff0000', 'truncated-sdes-item', 8],
    ['81 ca 0002 01020304 01026162', 'unterminated-sdes-chunk', 12],
    ['82 cb 0001 01020304', 'truncated-goodbye', 8],
    ['81 cb 0002 01020304 04626162', 'truncated-goodbye-reason', 8],
    ['80 cc 0001 01020304', 'truncated-application', 8],
  ];
  for (const [hex, code, offset] of refused) {
    const result = parseCompound(fromHex(hex));
    assert.ok(!result.ok, hex);
    assert.deepEqual([result.error.code, result.error.offset], [code, offset], hex);
  }
});

/** Ordinary objects only: a parser makes no others, and deepEqual tells them apart. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const word = fc.nat(0xffffffff);
const text = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const words = fc.uint8Array({ maxLength: 16 }).map((bytes) => Buffer.from(bytes.subarray(0, bytes.length & ~3)));
const block: fc.Arbitrary<ReportBlock> = record({
  ssrc: word,
  fractionLost: fc.nat(255),
  cumulativeLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
  extendedHighest: word,
  jitter: word,
  lsr: word,
  dlsr: word,
});
const blocks = fc.array(block, { maxLength: 31 });
const packet: fc.Arbitrary<RtcpPacket> = fc.oneof(
  record({
    kind: fc.constant('sender-report' as const),
    ssrc: word,
    ntpSeconds: word,
    ntpFraction: word,
    rtpTimestamp: word,
    packetCount: word,
    octetCount: word,
    reports: blocks,
    extension: words,
  }),
  record({ kind: fc.constant('receiver-report' as const), ssrc: word, reports: blocks, extension: words }),
  record({
    kind: fc.constant('source-description' as const),
    chunks: fc.array(
      record({
        ssrc: word,
        items: fc.array(record({ type: fc.integer({ min: 1, max: 255 }), value: text(255) }), { maxLength: 4 }),
      }),
      { maxLength: 31 },
    ),
  }),
  record({
    kind: fc.constant('goodbye' as const),
    ssrcs: fc.array(word, { maxLength: 31 }),
    reason: fc.option(text(255), { nil: undefined }),
  }),
  record({
    kind: fc.constant('application' as const),
    subtype: fc.nat(31),
    ssrc: word,
    name: fc.constantFrom('TEST', 'ABCD', '    '),
    data: words,
  }),
);

test('whatever is formatted parses back to the same packets', () => {
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 5 }), (packets) => {
      // Views of a Buffer are Buffers, so that deepEqual compares like with like.
      assert.deepEqual(parsed(Buffer.from(formatCompound(packets))), packets);
    }),
  );
});

test('never throws on arbitrary octets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.integer({ min: 190, max: 210 }), (bytes, type) => {
      parseCompound(bytes);
      if (bytes.length >= 4) {
        bytes[0] = 0x80 | ((bytes[0] ?? 0) & 0x3f);
        bytes[1] = type;
        bytes[2] = 0;
        bytes[3] = Math.max(0, (bytes.length >> 2) - 1);
        parseCompound(bytes.subarray(0, bytes.length & ~3));
      }
    }),
    { numRuns: 3000 },
  );
});
