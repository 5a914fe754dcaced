import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestAlgorithm, digestResponse, hashSecret } from '../../../../src/sip/auth/digest.ts';

/** The example of RFC 7616 3.9.1, given there for both algorithms. */
const EXAMPLE = {
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  method: 'GET',
  uri: '/dir/index.html',
  qop: 'auth',
  nc: '00000001',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
} as const;
const USER = ['Mufasa', 'http-auth@example.org', 'Circle of Life'] as const;

test('the example of RFC 7616 3.9.1 with MD5', () => {
  const ha1 = hashSecret('MD5', ...USER);
  assert.equal(digestResponse({ ...EXAMPLE, algorithm: 'MD5', ha1 }), '8ca523f5e9506fed4657c9700eebdbec');
});

test('the example of RFC 7616 3.9.1 with SHA-256', () => {
  const ha1 = hashSecret('SHA-256', ...USER);
  assert.equal(
    digestResponse({ ...EXAMPLE, algorithm: 'SHA-256', ha1 }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

test('the example of RFC 2617 3.5', () => {
  const ha1 = hashSecret('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life');
  const response = digestResponse({
    algorithm: 'MD5',
    ha1,
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    method: 'GET',
    uri: '/dir/index.html',
    qop: 'auth',
    nc: '00000001',
    cnonce: '0a4f113b',
  });
  assert.equal(response, '6629fae49393a05397450978507c4ef1');
});

test('without qop the response is that of RFC 2069', () => {
  const response = digestResponse({
    algorithm: 'MD5',
    ha1: hashSecret('MD5', 'Mufasa', 'testrealm@host.com', 'CircleOfLife'),
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    method: 'GET',
    uri: '/dir/index.html',
    qop: undefined,
    nc: undefined,
    cnonce: undefined,
  });
  // RFC 2069 2.4, with the value that its erratum 749 gives.
  assert.equal(response, '1949323746fe6a43ef61f9606e7febea');
});

test('SHA-512-256 gives 64 digits, and -sess hashes the nonces into the secret', () => {
  const ha1 = hashSecret('SHA-512-256', ...USER);
  const plain = digestResponse({ ...EXAMPLE, algorithm: 'SHA-512-256', ha1 });
  const session = digestResponse({ ...EXAMPLE, algorithm: 'SHA-512-256-sess', ha1 });
  assert.match(plain, /^[0-9a-f]{64}$/);
  assert.notEqual(session, plain);
});

test('a missing algorithm means MD5, names have no case, unknown ones are unknown', () => {
  assert.equal(digestAlgorithm(undefined), 'MD5');
  assert.equal(digestAlgorithm('md5'), 'MD5');
  assert.equal(digestAlgorithm('sha-256'), 'SHA-256');
  assert.equal(digestAlgorithm('AKAv1-MD5'), undefined);
});
