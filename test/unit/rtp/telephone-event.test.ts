import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatTelephoneEvent, parseTelephoneEvent } from '../../../src/rtp/telephone-event.ts';

test('the end of a 5, 10 dB below 0 dBm0 and 1600 units long (RFC 4733 2.3)', () => {
  const bytes = Uint8Array.of(5, 0x8a, 0x06, 0x40);
  const event = { event: 5, end: true, volume: 10, duration: 1600 };
  assert.deepEqual(parseTelephoneEvent(bytes), { ok: true, value: event });
  assert.deepEqual(formatTelephoneEvent(event), bytes);
});

test('the reserved bit is neither volume nor end, and is sent as 0', () => {
  const parsed = parseTelephoneEvent(Uint8Array.of(11, 0x7f, 0xff, 0xff));
  assert.deepEqual(parsed, { ok: true, value: { event: 11, end: false, volume: 63, duration: 65_535 } });
  assert.ok(parsed.ok);
  assert.deepEqual(formatTelephoneEvent(parsed.value), Uint8Array.of(11, 0x3f, 0xff, 0xff));
});

test('less than four octets are no event, and more are another one behind it', () => {
  for (const length of [0, 1, 2, 3]) {
    const parsed = parseTelephoneEvent(new Uint8Array(length));
    assert.deepEqual(parsed, { ok: false, error: { code: 'truncated', offset: length, section: 'RFC 4733 2.3' } });
  }
  assert.deepEqual(parseTelephoneEvent(Uint8Array.of(1, 0, 0, 80, 2, 0, 0, 80)), {
    ok: true,
    value: { event: 1, end: false, volume: 0, duration: 80 },
  });
});

test('every event is parsed back to what was formatted, and no payload throws', () => {
  const event = fc.record({
    event: fc.integer({ min: 0, max: 255 }),
    end: fc.boolean(),
    volume: fc.integer({ min: 0, max: 63 }),
    duration: fc.integer({ min: 0, max: 65_535 }),
  });
  fc.assert(
    fc.property(event, (value) => {
      assert.deepEqual(parseTelephoneEvent(formatTelephoneEvent(value)), { ok: true, value: { ...value } });
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void parseTelephoneEvent(bytes)));
});
