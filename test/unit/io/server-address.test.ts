import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLocalAddress, resolveServerAddress } from '../../../src/io/server-address.ts';
import { familyOf } from '../../../src/wire/ip-address.ts';

const question = { serverAddr: 'AUTO_DETECT', bindAddress: 'AUTO_DETECT', forceLocal: false, origin: 'the test' };

test('AUTO_DETECT finds an address of this machine and says how', async () => {
  const { advertised, bind, source } = await resolveServerAddress(question);
  assert.notEqual(familyOf(advertised), undefined);
  assert.ok(isLocalAddress(advertised));
  assert.equal(bind, advertised);
  assert.match(source, /^AUTO_DETECT/);
});

test('an address that is not local is advertised, never bound (1:1 NAT)', async () => {
  const address = await resolveServerAddress({ ...question, serverAddr: '203.0.113.149' });
  assert.equal(address.advertised, '203.0.113.149');
  assert.ok(isLocalAddress(address.bind));
  assert.match(address.warnings.join(), /only advertised \(1:1 NAT\)/);
});

test('FORCE_LOCAL_ADDR wins over SERVER_ADDR', async () => {
  const address = await resolveServerAddress({ ...question, serverAddr: '203.0.113.149', forceLocal: true });
  assert.deepEqual([address.advertised, address.bind], ['127.0.0.1', '127.0.0.1']);
});

test('a name is resolved, and one that does not resolve is an error that names it', async () => {
  assert.equal((await resolveServerAddress({ ...question, serverAddr: 'localhost' })).advertised, '127.0.0.1');
  await assert.rejects(resolveServerAddress({ ...question, serverAddr: 'no-such-host.invalid' }), {
    code: 'IMS_ERR_ADDRESS',
    message: /no-such-host\.invalid.*does not resolve/,
  });
});

test('a bind address that is not local is refused before anything starts', async () => {
  await assert.rejects(resolveServerAddress({ ...question, bindAddress: '203.0.113.1' }), { code: 'IMS_ERR_ADDRESS' });
});
