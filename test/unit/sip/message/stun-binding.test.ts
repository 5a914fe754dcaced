import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answerStunBinding, isStun } from '../../../../src/sip/message/stun-binding.ts';

/** The transaction of RFC 5769's samples. */
const COOKIE_AND_ID = '2112a442b7e7a701bc34d686fa87dfae';
const REQUEST = Buffer.from(`00010000${COOKIE_AND_ID}`, 'hex');

function answer(bytes: Uint8Array, address = '192.0.2.1', port = 32853): string | undefined {
  const response = answerStunBinding(bytes, { address, port });
  return response === undefined ? undefined : Buffer.from(response).toString('hex');
}

test('a Binding request is answered with the address that it came from (RFC 5769 2.2, 2.3)', () => {
  assert.equal(answer(REQUEST), `0101000c${COOKIE_AND_ID}002000080001a147e112a643`);
  assert.equal(
    answer(REQUEST, '2001:db8:1234:5678:11:2233:4455:6677'),
    `01010018${COOKIE_AND_ID}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`,
  );
});

test('attributes that may be ignored are, those that may not keep it from being answered', () => {
  const software = '80220003612e62ff';
  const priority = '002400046e0001ff';
  const withAttributes = (attributes: string): Buffer =>
    Buffer.from(`0001${(attributes.length / 2).toString(16).padStart(4, '0')}${COOKIE_AND_ID}${attributes}`, 'hex');
  assert.match(answer(withAttributes(software)) ?? '', /^0101000c/);
  assert.equal(answer(withAttributes(priority)), undefined);
  assert.equal(answer(withAttributes(software + priority)), undefined);
  assert.equal(answer(withAttributes('8022ffff')), undefined);
});

test('anything else gets no answer: responses, indications, other lengths, no cookie (RFC 3489)', () => {
  for (const [at, byte] of [
    [0, 1],
    [1, 0x11],
    [3, 4],
    [4, 0x20],
  ] as const) {
    const other = Buffer.from(REQUEST);
    other[at] = byte;
    assert.equal(answer(other), undefined, `${at}`);
  }
  assert.equal(answer(REQUEST.subarray(0, 19)), undefined);
  assert.equal(isStun(REQUEST), true);
  assert.equal(isStun(Buffer.from('OPTIONS sip:a@b SIP/2.0\r\n')), false);
  assert.equal(isStun(Buffer.from('\r\n\r\n')), false);
});

test('whatever comes, nothing throws, and no answer is much longer than the question', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.uint8Array({ maxLength: 64 }).map((tail) => Buffer.concat([REQUEST, tail])),
  );
  fc.assert(
    fc.property(bytes, (datagram) => {
      const response = answerStunBinding(datagram, { address: '::1', port: 5060 });
      assert.ok(response === undefined || response.length <= datagram.length + 24);
    }),
  );
});
