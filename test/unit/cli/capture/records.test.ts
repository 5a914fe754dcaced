import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sipRecord, splitRecords } from '../../../../src/cli/capture/records.ts';
import { formatPcapHeader, formatPcapPacket } from '../../../../src/relay/recording/pcap.ts';
import type { TracedMessage } from '../../../../src/sip/message/traced-message.ts';
import { parsePcap } from '../../../support/capture.ts';

const MESSAGE: TracedMessage = {
  at: 1_700_000_000_123,
  direction: 'sent',
  transport: 'tls',
  local: '192.0.2.1:5061',
  remote: '192.0.2.7:40000',
  callId: 'a',
  call: 'a',
  text: 'BYE sip:x SIP/2.0\r\n\r\n',
};

test('a SIP message of any transport is a UDP datagram between its two addresses', () => {
  for (const [direction, from, to] of [
    ['sent', '192.0.2.1:5061', '192.0.2.7:40000'],
    ['received', '192.0.2.7:40000', '192.0.2.1:5061'],
  ] as const) {
    const record = sipRecord({ ...MESSAGE, direction });
    assert.ok(record !== undefined);
    const [datagram] = parsePcap(Buffer.concat([formatPcapHeader(), record.bytes]));
    assert.deepEqual([datagram?.from, datagram?.to], [from, to]);
    assert.equal(Buffer.from(datagram?.payload ?? []).toString(), MESSAGE.text);
    assert.equal(record.at, MESSAGE.at);
  }
});

test('IPv6 has its own header; a message that no IP packet holds is cut, one without an address is left out', () => {
  const six = sipRecord({ ...MESSAGE, local: '[2001:db8::1]:5060', remote: '[2001:db8::7]:5060' });
  assert.equal(six?.bytes.length, 16 + 14 + 40 + 8 + MESSAGE.text.length);
  const long = sipRecord({ ...MESSAGE, text: 'x'.repeat(100_000) });
  assert.ok((long?.bytes.length ?? 0) <= 16 + 65_535);
  assert.equal(sipRecord({ ...MESSAGE, remote: 'nowhere' }), undefined);
});

test('records come apart as they were put together, to the microsecond; a broken one ends it', () => {
  const one = formatPcapPacket({
    source: { address: '192.0.2.1', port: 1 },
    destination: { address: '192.0.2.2', port: 2 },
    at: 1_700_000_000_123.456,
    payload: new Uint8Array(172),
  });
  const all = Buffer.concat([one, one, one]);
  const records = splitRecords(all);
  assert.equal(records.length, 3);
  assert.ok(
    records.every(({ bytes, at }) => Buffer.from(bytes).equals(one) && Math.abs(at - 1_700_000_000_123.456) < 0.002),
  );
  for (let length = 0; length < all.length; length += 1) {
    assert.equal(splitRecords(all.subarray(0, length)).length, Math.floor(length / one.length));
  }
});
