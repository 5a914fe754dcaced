import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashSecret } from '../../../../src/sip/auth/digest.ts';
import { parseUserSecret } from '../../../../src/sip/auth/user-secret.ts';

const MD5 = hashSecret('MD5', 'alice', 'ims', 'wonder');
const SHA = hashSecret('SHA-256', 'alice', 'ims', 'wonder');

test('a password is a password, whatever it looks like', () => {
  for (const password of ['wonder', MD5, 'HA1:MD5:x', 'ha1', ' ha1:MD5:x']) {
    assert.deepEqual(parseUserSecret(password), { password });
  }
});

test('H(A1) of one algorithm or of several', () => {
  assert.deepEqual(parseUserSecret(`ha1:MD5:${MD5.toUpperCase()}`), { ha1: { MD5 } });
  assert.deepEqual(parseUserSecret(`ha1:MD5:${MD5} ha1:SHA-256:${SHA}`), { ha1: { MD5, 'SHA-256': SHA } });
});

for (const text of [
  'ha1:',
  `ha1:${MD5}`,
  `ha1:md5:${MD5}`,
  `ha1:MD5-sess:${MD5}`,
  `ha1:MD5:${SHA}`,
  `ha1:SHA-256:${MD5}`,
  `ha1:MD5:${MD5.replace(/^./, 'g')}`,
  `ha1:MD5:${MD5}:x`,
  `ha1:MD5:${MD5} wonder`,
]) {
  test(`neither H(A1) nor a password: ${text.slice(0, 30)}`, () => {
    assert.equal(parseUserSecret(text), undefined);
  });
}
