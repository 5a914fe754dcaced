import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHep3, type HepPacket } from '../../../../src/sip/message/hep3.ts';

const PACKET: HepPacket = {
  source: { address: '192.0.2.7', port: 5062 },
  destination: { address: '192.0.2.1', port: 5060 },
  isStream: false,
  at: 1_700_000_000_123,
  captureId: 2001,
  payload: Buffer.from('BYE'),
};

/** Type → value, as the chunks stand. */
function chunksOf(bytes: Uint8Array): Map<number, string> {
  const view = Buffer.from(bytes);
  assert.equal(view.toString('latin1', 0, 4), 'HEP3');
  assert.equal(view.readUInt16BE(4), bytes.length);
  const chunks = new Map<number, string>();
  for (let at = 6; at < view.length; at += view.readUInt16BE(at + 4)) {
    assert.equal(view.readUInt16BE(at), 0, 'vendor');
    chunks.set(view.readUInt16BE(at + 2), view.toString('hex', at + 6, at + view.readUInt16BE(at + 4)));
  }
  return chunks;
}

test('the bytes of a packet over UDP and IPv4', () => {
  assert.equal(
    Buffer.from(formatHep3(PACKET) ?? []).toString('hex'),
    [
      '484550330066', // HEP3, 102 bytes
      '00000001000702', // IPv4
      '00000002000711', // UDP
      '00000003000ac0000207',
      '00000004000ac0000201',
      '00000007000813c6', // 5062
      '00000008000813c4', // 5060
      '00000009000a6553f100',
      '0000000a000a0001e078', // 123 000 µs
      '0000000b000701', // SIP
      '0000000c000a000007d1', // 2001
      '0000000f0009425945',
    ].join(''),
  );
});

test('IPv6, a stream and a password have chunks of their own', () => {
  const bytes = formatHep3({
    ...PACKET,
    source: { address: '2001:db8::7', port: 1 },
    destination: { address: '2001:db8::1', port: 65_535 },
    isStream: true,
    password: 'me',
  });
  const chunks = chunksOf(bytes ?? new Uint8Array());
  assert.deepEqual(
    [1, 2, 5, 6, 8, 14].map((type) => chunks.get(type)),
    ['0a', '06', '20010db8000000000000000000000007', '20010db8000000000000000000000001', 'ffff', '6d65'],
  );
});

test('what does not fit a datagram, and addresses that are none, are not formatted', () => {
  assert.equal(formatHep3({ ...PACKET, payload: new Uint8Array(65_500) }), undefined);
  assert.equal(formatHep3({ ...PACKET, source: { address: 'phone.example', port: 1 } }), undefined);
  assert.equal(formatHep3({ ...PACKET, source: { address: '::1', port: 1 } }), undefined);
});
