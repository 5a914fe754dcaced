import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAdHoc } from '../../../src/relay/recording/ad-hoc.ts';
import { copyName, partyEnding, recordingName } from '../../../src/relay/recording/names.ts';
import { formatPcapHeader, formatPcapPacket } from '../../../src/relay/recording/pcap.ts';
import { parsePcap } from '../../support/capture.ts';

const PACKET = {
  source: { address: '192.0.2.1', port: 4000 },
  destination: { address: '192.0.2.9', port: 35_000 },
  at: 1_700_000_000_250.5,
  payload: new Uint8Array([0x80, 0, 1, 2, 3]),
} as const;

test('a recording is called after the call; later streams of it keep their number, so that none overwrites another', () => {
  assert.equal(recordingName({ callId: 'c@h', fromTag: 'A' }), 'c@h=A');
  assert.equal(recordingName({ callId: 'c@h', fromTag: 'A;1' }), 'c@h=A');
  assert.equal(recordingName({ callId: 'c@h', fromTag: 'A;2' }), 'c@h=A;2');
  assert.equal(partyEnding(1) + partyEnding(0), '.o.a');
});

test('no name has a slash or a control character, or is a directory', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (callId, fromTag) => {
      for (const name of [recordingName({ callId, fromTag }), copyName(callId) ?? 'x']) {
        assert.ok([...name].every((character) => character >= ' ' && character !== '/'));
        assert.ok(name !== '.' && name !== '..' && name.length <= 240);
      }
    }),
  );
});

test('the ad-hoc format is 30 bytes and the packet', () => {
  const bytes = Buffer.from(formatAdHoc(PACKET));
  assert.equal(bytes.length, 35);
  assert.equal(bytes.readUInt16LE(0), 2);
  assert.equal(bytes.readUInt16BE(2), 4000);
  assert.deepEqual([...bytes.subarray(4, 8)], [192, 0, 2, 1]);
  assert.deepEqual([...bytes.subarray(8, 20)], Array(12).fill(0));
  assert.equal(bytes.readDoubleLE(20), 1_700_000_000.2505);
  assert.equal(bytes.readUInt16LE(28), 5);
  assert.deepEqual(bytes.subarray(30), Buffer.from(PACKET.payload));
  const six = Buffer.from(formatAdHoc({ ...PACKET, source: { address: '2001:db8::1', port: 1 } }));
  assert.equal(six.readUInt16LE(0), 10);
  assert.equal(six.subarray(4, 20).toString('hex'), '20010db8000000000000000000000001');
});

test('a pcap has its times, addresses, ports and good checksums', () => {
  const bytes = Buffer.concat([formatPcapHeader(), formatPcapPacket(PACKET)]);
  assert.deepEqual(parsePcap(bytes), [
    { from: '192.0.2.1:4000', to: '192.0.2.9:35000', payload: Buffer.from(PACKET.payload) },
  ]);
  assert.equal(bytes.readUInt32LE(24), 1_700_000_000);
  assert.equal(bytes.readUInt32LE(28), 250_500);
  assert.equal(sum(bytes.subarray(54, 74)), 0xffff, 'IPv4 header');
});

test('IPv6 packets have an IPv6 header', () => {
  const source = { address: '2001:db8::1', port: 4000 };
  const destination = { address: '2001:db8::2', port: 35_000 };
  const frame = Buffer.from(formatPcapPacket({ ...PACKET, source, destination })).subarray(16);
  assert.equal(frame.readUInt16BE(12), 0x86dd);
  assert.equal(frame.readUInt16BE(18), 8 + PACKET.payload.length);
  assert.equal(frame.subarray(22, 38).toString('hex'), '20010db8000000000000000000000001');
  const pseudo = Buffer.concat([frame.subarray(22, 54), Buffer.from([0, 17, 0, 13]), frame.subarray(54)]);
  assert.equal(sum(pseudo), 0xffff, 'UDP over the pseudo header');
});

/** One's complement sum: 0xffff over what contains its own checksum. */
function sum(bytes: Buffer): number {
  let total = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    total += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  }
  while (total > 0xffff) {
    total = (total & 0xffff) + Math.floor(total / 0x10000);
  }
  return total;
}
