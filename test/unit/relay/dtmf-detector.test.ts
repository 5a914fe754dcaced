import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DtmfDetector, type PressedKey } from '../../../src/relay/dtmf/dtmf-detector.ts';
import { formatPacket } from '../../../src/rtp/packet.ts';
import { formatTelephoneEvent } from '../../../src/rtp/telephone-event.ts';
import { keyPackets } from '../../support/key-press.ts';

function press(detector: DtmfDetector, packets: readonly Uint8Array[]): PressedKey[] {
  return packets.flatMap((packet) => detector.push(packet) ?? []);
}

test('each key is told once, by its sign, with the longest duration', () => {
  const detector = new DtmfDetector(101);
  const signs = '0123456789*#ABCD ';
  for (const [event, digit] of [...signs].entries()) {
    const packets = keyPackets({ event, timestamp: event * 2000, durations: [160, 320, 480] });
    assert.deepEqual(press(detector, packets), [{ digit, volume: 10, duration: 480 }], `event ${event}`);
  }
});

test('events beyond the hook flash are no keys', () => {
  const detector = new DtmfDetector(101);
  for (const event of [17, 32, 64, 255]) {
    assert.deepEqual(press(detector, keyPackets({ event, timestamp: event, durations: [160] })), []);
  }
});

test('two of three end packets may be lost, and so may all but one of the others', () => {
  const packets = keyPackets({ event: 7, timestamp: 1, durations: [160, 320, 480] });
  assert.equal(
    press(
      new DtmfDetector(101),
      [packets[1], packets[5]].flatMap((p) => p ?? []),
    ).length,
    1,
  );
});

test('an event of which nothing but ends arrive is told by the second of them', () => {
  const detector = new DtmfDetector(101);
  const [, first, second, third] = keyPackets({ event: 7, timestamp: 1, durations: [160] });
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  assert.equal(detector.push(first), undefined);
  assert.deepEqual(detector.push(second), { digit: '7', volume: 10, duration: 160 });
  assert.equal(detector.push(third), undefined);
});

test('packets out of order tell the longest duration, and late ones tell nothing again', () => {
  const detector = new DtmfDetector(101);
  const one = keyPackets({ event: 1, timestamp: 100, durations: [160, 960, 480] });
  assert.deepEqual(press(detector, one), [{ digit: '1', volume: 10, duration: 960 }]);
  assert.equal(press(detector, keyPackets({ event: 2, timestamp: 5000, durations: [80] })).length, 1);
  assert.deepEqual(press(detector, one), []);
});

test('the same key twice is two keys when its timestamp is another one', () => {
  const detector = new DtmfDetector(101);
  const twice = [100, 2000].flatMap((timestamp) => keyPackets({ event: 5, timestamp, durations: [160] }));
  assert.equal(press(detector, twice).length, 2);
});

test('another event with the timestamp of one that is under way changes nothing', () => {
  const detector = new DtmfDetector(101);
  const packets = keyPackets({ event: 5, timestamp: 1, durations: [160] });
  const strange = keyPackets({ event: 6, timestamp: 1, durations: [9000] });
  assert.deepEqual(press(detector, [...packets.slice(0, 1), ...strange, ...packets.slice(1)]), [
    { digit: '5', volume: 10, duration: 160 },
  ]);
});

test('only the payload type asked for is looked at, and it may be changed', () => {
  const detector = new DtmfDetector(96);
  assert.deepEqual(press(detector, keyPackets({ event: 5, timestamp: 1, durations: [160] })), []);
  detector.payloadType = 101;
  assert.equal(press(detector, keyPackets({ event: 5, timestamp: 1, durations: [160] })).length, 1);
});

test('the event is found behind contributing sources, a header extension and before padding', () => {
  const detector = new DtmfDetector(101);
  const packet = formatPacket({
    marker: true,
    payloadType: 101,
    sequenceNumber: 1,
    timestamp: 7,
    ssrc: 9,
    csrcs: [1, 2],
    extension: { profile: 0xbede, data: new Uint8Array(8) },
    payload: formatTelephoneEvent({ event: 9, end: true, volume: 3, duration: 400 }),
    paddingBytes: 4,
  });
  assert.equal(detector.push(packet), undefined);
  assert.deepEqual(detector.push(packet), { digit: '9', volume: 3, duration: 400 });
});

test('no datagram throws, and none is told of that is no event', () => {
  const detector = new DtmfDetector(101);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      detector.push(bytes);
    }),
  );
  assert.equal(detector.push(new Uint8Array(0)), undefined);
});
