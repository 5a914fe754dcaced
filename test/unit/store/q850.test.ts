import assert from 'node:assert/strict';
import { test } from 'node:test';
import { q850Cause } from '../../../src/store/q850.ts';

test('causes are those of RFC 3398, and always from 1 to 127', () => {
  const failed = (status: number): number =>
    q850Cause({ answered: false, endedBy: 'callee', status, reason: undefined });
  for (const [status, cause] of [
    [404, 1],
    [408, 102],
    [480, 18],
    [486, 17],
    [487, 16],
    [488, 31],
    [503, 41],
    [600, 17],
    [603, 21],
  ] as const) {
    assert.equal(failed(status), cause, String(status));
  }
  for (let status = 300; status < 700; status += 1) {
    const cause = failed(status);
    assert.ok(Number.isInteger(cause) && cause >= 1 && cause <= 127, String(status));
  }
});

test('who ended a call that was up decides', () => {
  const up = { answered: true, status: 200 } as const;
  assert.equal(q850Cause({ ...up, endedBy: 'caller', reason: 'bye' }), 16);
  assert.equal(q850Cause({ ...up, endedBy: 'server', reason: 'media-lost' }), 102);
  assert.equal(q850Cause({ ...up, endedBy: 'server', reason: 'server-lost' }), 41);
  assert.equal(q850Cause({ answered: false, endedBy: 'caller', status: undefined, reason: 'cancel' }), 16);
});
