import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forwardedFor } from '../../../../src/io/sip/forwarded-for.ts';

const TRUSTED = ['127.0.0.1', '10.0.0.2', '2001:db8::2'];

function behind(header: string | undefined, peer = '127.0.0.1'): string | undefined {
  return forwardedFor(header, peer, TRUSTED);
}

test('of a trusted proxy the last address is believed; what stands before it the client may have written', () => {
  assert.equal(behind('203.0.113.9'), '203.0.113.9');
  assert.equal(behind('192.168.1.1, 127.0.0.1, 203.0.113.9'), '203.0.113.9');
  assert.equal(behind('198.51.100.1', '10.0.0.2'), '198.51.100.1');
});

test('nobody else is believed', () => {
  assert.equal(behind('203.0.113.9', '203.0.113.7'), undefined);
  assert.equal(forwardedFor('203.0.113.9', '127.0.0.1', []), undefined);
});

test('proxies in a row are passed over, as long as each is trusted', () => {
  assert.equal(behind('192.0.2.1, 203.0.113.9, 10.0.0.2'), '203.0.113.9');
  assert.equal(behind('203.0.113.9, 10.0.0.3, 10.0.0.2'), '10.0.0.3');
  assert.equal(behind('10.0.0.2'), '10.0.0.2', 'one of them has a browser of its own');
});

test('ports, brackets and IPv6 are understood', () => {
  assert.equal(behind('203.0.113.9:51234'), '203.0.113.9');
  assert.equal(behind('[2001:DB8::9]:51234'), '2001:db8::9');
  assert.equal(behind('[2001:db8::9]'), '2001:db8::9');
  assert.equal(behind('2001:0db8:0::9,2001:db8:0::2'), '2001:db8::9');
});

test('what is no address ends the list', () => {
  for (const header of [
    undefined,
    '',
    ',',
    'unknown',
    '203.0.113.9, _hidden',
    '203.0.113.9, 1.2.3',
    'a'.repeat(10_000),
  ]) {
    assert.equal(behind(header), undefined, header);
  }
  assert.equal(behind('203.0.113.9, unknown, 10.0.0.2'), '10.0.0.2');
});
