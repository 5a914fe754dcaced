import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIpPrefix, prefixIncludes } from '../../../src/wire/ip-prefix.ts';

function includes(prefix: string, address: string): boolean {
  const parsed = parseIpPrefix(prefix);
  assert.ok(parsed !== undefined, prefix);
  return prefixIncludes(parsed, address);
}

test('an address is in a prefix when the leading bits are the same', () => {
  for (const [prefix, inside, outside] of [
    ['10.0.0.0/8', '10.255.0.1', '11.0.0.1'],
    ['192.0.2.128/25', '192.0.2.129', '192.0.2.127'],
    ['192.0.2.77/24', '192.0.2.1', '192.0.3.1'],
    ['192.0.2.1', '192.0.2.1', '192.0.2.2'],
    ['192.0.2.0/31', '192.0.2.1', '192.0.2.2'],
    ['2001:db8::/32', '2001:DB8:1::1', '2001:db9::1'],
    ['::1', '0:0:0:0:0:0:0:1', '::2'],
    ['10.0.0.0/8', '::ffff:10.1.2.3', '::ffff:11.1.2.3'],
    ['0.0.0.0/0', '203.0.113.1', '::1'],
    ['::/0', 'fe80::1', '203.0.113.1'],
  ] as const) {
    assert.ok(includes(prefix, inside), `${inside} is in ${prefix}`);
    assert.ok(!includes(prefix, outside), `${outside} is not in ${prefix}`);
    assert.ok(!includes(prefix, 'host.example'));
  }
});

test('what is neither an address nor a prefix is none', () => {
  for (const text of [
    '',
    '/',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    'any',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '1.2.3.4/1e1',
  ]) {
    assert.equal(parseIpPrefix(text), undefined, text);
  }
});

test('an IPv4 address is in exactly the prefixes that its bits say', () => {
  const address = fc.nat({ max: 0xffff_ffff });
  const text = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 32 }), (one, other, bits) => {
      const expected = bits === 0 || one >>> (32 - bits) === other >>> (32 - bits);
      assert.equal(includes(`${text(one)}/${bits}`, text(other)), expected);
    }),
  );
});
