import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  familyOf,
  formatHost,
  formatTransportAddress,
  isLoopback,
  isMulticast,
  isPrivate,
  isWildcard,
  sameAddress,
} from '../../../src/wire/ip-address.ts';

test('literals are told apart as Node tells them apart', () => {
  for (const text of [
    '127.0.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    '2001:db8::1',
    '::ffff:1.2.3.4',
    '1::8',
  ]) {
    assert.equal(familyOf(text), isIPv4(text) ? 4 : 6, text);
  }
  for (const text of [
    '',
    'host',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '12345::',
    '::1.2.3',
    '1.2.3.4::',
    '[::1]',
  ]) {
    assert.equal(familyOf(text), undefined, text);
  }
});

test('never disagrees with node:net on arbitrary address-like text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,40}$/)), (text) => {
      const expected = isIPv4(text) ? 4 : isIPv6(text) ? 6 : undefined;
      assert.equal(familyOf(text), expected, text);
    }),
    { numRuns: 2000 },
  );
});

test('ranges', () => {
  assert.ok(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].every(isLoopback));
  assert.ok(!['128.0.0.1', '::2', '::', 'localhost'].some(isLoopback));
  assert.ok(
    ['10.1.1.1', '172.16.0.1', '172.31.255.1', '192.168.1.1', '100.64.0.1', '169.254.1.1', 'fd00::1', 'fe80::1'].every(
      isPrivate,
    ),
  );
  assert.ok(
    !['11.1.1.1', '172.32.0.1', '192.169.1.1', '100.128.0.1', '8.8.8.8', '2001:db8::1', '127.0.0.1'].some(isPrivate),
  );
  assert.ok(['224.0.0.1', '239.255.255.255', 'ff02::1'].every(isMulticast));
  assert.ok(['0.0.0.0', '::'].every(isWildcard) && !isWildcard('0.0.0.1'));
});

test('spelling does not matter, family does', () => {
  assert.ok(sameAddress('2001:db8::1', '2001:0DB8:0:0:0:0:0:1'));
  assert.ok(sameAddress('::ffff:192.0.2.1', '192.0.2.1'));
  assert.ok(!sameAddress('192.0.2.1', '192.0.2.2'));
  assert.ok(!sameAddress('host', 'HOST'));
});

test('IPv6 gets brackets where a port or a URI follows', () => {
  assert.equal(formatTransportAddress({ address: '::1', port: 5060 }), '[::1]:5060');
  assert.equal(formatTransportAddress({ address: '192.0.2.1', port: 5060 }), '192.0.2.1:5060');
  assert.equal(formatHost('2001:db8::1'), '[2001:db8::1]');
});
