import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlAdmission } from '../../../src/io/control/admission.ts';

function admission(...texts: string[]): ControlAdmission {
  const parsed = ControlAdmission.parse(texts);
  assert.ok(parsed.ok);
  return parsed.value;
}

test('nobody is named: this host alone, and no socket may be open to others', () => {
  const none = admission();
  assert.equal(none.isOpen, false);
  assert.ok(none.admits('127.0.0.1', '0.0.0.0'));
  assert.ok(none.admits('::1', '::'));
  assert.ok(none.admits('192.0.2.1', '127.0.0.1'), 'the kernel lets nobody else reach loopback');
  assert.ok(!none.admits('192.0.2.1', '192.0.2.9'));
});

test('addresses and prefixes, in one text or several; any is everybody', () => {
  const some = admission('192.0.2.1,10.0.0.0/8', '2001:db8::/32');
  assert.ok(some.isOpen);
  for (const host of ['192.0.2.1', '10.9.9.9', '2001:db8::7', '::ffff:10.0.0.1']) {
    assert.ok(some.admits(host, '0.0.0.0'), host);
  }
  for (const host of ['192.0.2.2', '2001:db9::7', 'x']) {
    assert.ok(!some.admits(host, '0.0.0.0'), host);
  }
  assert.ok(admission('any').admits('203.0.113.1', '0.0.0.0'));
});

test('what is no address is refused with a sentence that shows the forms', () => {
  for (const text of ['', 'all', '10.0.0.0/99', '10.0.0.1,,10.0.0.2', 'any ']) {
    const parsed = ControlAdmission.parse([text]);
    assert.ok(!parsed.ok && /write an address, a prefix such as 10\.0\.0\.0\/8, or any$/.test(parsed.error), text);
  }
  assert.ok(!ControlAdmission.parse([Array(257).fill('10.0.0.1').join(',')]).ok);
});
