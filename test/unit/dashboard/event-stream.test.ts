import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPlaces, parsePlaces } from '../../../src/dashboard/event-stream.ts';

test('places come back as they were told, and anything else is no place', () => {
  assert.deepEqual(parsePlaces(formatPlaces({ event: 12, line: 7 })), { event: 12, line: 7 });
  for (const text of [undefined, '', '12', 'event=', 'event=x', '=3']) {
    assert.deepEqual(parsePlaces(text), {}, String(text));
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.ok(Object.values(parsePlaces(text)).every((seq) => Number.isSafeInteger(seq)));
    }),
  );
});
