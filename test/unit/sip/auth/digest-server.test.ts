import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DigestAlgorithm } from '../../../../src/sip/auth/digest.ts';
import { hashSecret } from '../../../../src/sip/auth/digest.ts';
import { answerChallenge } from '../../../../src/sip/auth/digest-client.ts';
import { type DigestCheck, DigestServer } from '../../../../src/sip/auth/digest-server.ts';
import { authorization, proxyAuthorization } from '../../../../src/sip/message/headers/authorization.ts';
import { wwwAuthenticate } from '../../../../src/sip/message/headers/www-authenticate.ts';
import type { SipRequest } from '../../../../src/sip/message/message.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import { incoming, type RequestParts } from '../support.ts';

const SECRET = new Uint8Array(32).fill(7);
const CHECK: DigestCheck = {
  role: 'registrar',
  lookup: (username) => (username === '1001' ? { password: '1234' } : undefined),
};

function server(algorithms?: readonly DigestAlgorithm[]): DigestServer {
  return new DigestServer({ realm: 'ims', secret: SECRET, nonceLifetimeMs: 60_000, ...(algorithms && { algorithms }) });
}

interface Login {
  readonly username?: string;
  readonly password?: string;
  readonly nonceCount?: number;
}

/** A client's request after it has been challenged once. */
function answered(
  digest: DigestServer,
  now: number,
  { username = '1001', password = '1234', nonceCount = 1 }: Login = {},
  parts: RequestParts = {},
): SipRequest {
  const request = incoming({ method: 'REGISTER', uri: 'sip:192.0.2.100', ...parts });
  const refusal = createResponse(request, 401, { toTag: 'us', headers: digest.challenge(now, 'registrar') });
  const field = answerChallenge(refusal, request, { username, password, cnonce: 'c0ffee', nonceCount });
  assert.ok(field !== undefined);
  request.headers.append(...field);
  return request;
}

function changed(request: SipRequest, change: (value: string) => string): SipRequest {
  const copy = { ...request, headers: request.headers.clone() };
  copy.headers.set('Authorization', change(copy.headers.get('Authorization') ?? ''));
  return copy;
}

test('a request without credentials is challenged with MD5 and qop=auth', () => {
  const digest = server();
  assert.deepEqual(digest.verify(0, incoming({ method: 'REGISTER' }), CHECK), {
    kind: 'challenge',
    stale: false,
    reason: 'none',
  });
  const fields = digest.challenge(0, 'registrar');
  assert.equal(fields.length, 1);
  assert.match(
    fields[0]?.join(': ') ?? '',
    /^WWW-Authenticate: Digest realm="ims", nonce="[^"]+", algorithm=MD5, qop="auth"$/,
  );
});

test('the right password is accepted, with and without an algorithm parameter', () => {
  const digest = server();
  const request = answered(digest, 0);
  const bare = changed(request, (value) => value.replace(/, algorithm=MD5/, ''));
  assert.doesNotMatch(bare.headers.get('Authorization') ?? '', /algorithm/);
  assert.deepEqual(digest.verify(10, bare, CHECK), { kind: 'accepted', username: '1001' });
});

test('a call answers 407 with Proxy-Authorization; the other header does not count', () => {
  const digest = server();
  const request = incoming();
  const refusal = createResponse(request, 407, { toTag: 'us', headers: digest.challenge(0, 'proxy') });
  const field = answerChallenge(refusal, request, { username: '1001', password: '1234', cnonce: 'x' });
  assert.equal(field?.[0], proxyAuthorization.name);
  request.headers.append('Proxy-Authorization', field?.[1] ?? '');
  assert.equal(digest.verify(1, request, CHECK).kind, 'challenge');
  assert.equal(digest.verify(1, request, { ...CHECK, role: 'proxy' }).kind, 'accepted');
});

test('unknown user and wrong password are the same outcome', () => {
  const digest = server();
  assert.deepEqual(digest.verify(1, answered(digest, 0, { password: 'x' }), CHECK).kind, 'rejected');
  assert.deepEqual(digest.verify(1, answered(digest, 0, { username: '9999' }), CHECK).kind, 'rejected');
  assert.deepEqual(digest.verify(1, answered(digest, 0, { username: '9999', password: '' }), CHECK).kind, 'rejected');
});

test('the password of another user than the AOR is not enough', () => {
  const digest = server();
  const owns = (username: string) => username === '1002';
  assert.deepEqual(digest.verify(1, answered(digest, 0), { ...CHECK, owns }), { kind: 'not-owner', username: '1001' });
});

test('a stored H(A1) does as well as a password', () => {
  const digest = server();
  const lookup = () => ({ ha1: { MD5: hashSecret('MD5', '1001', 'ims', '1234') } });
  assert.equal(digest.verify(1, answered(digest, 0), { role: 'registrar', lookup }).kind, 'accepted');
});

test('the same Authorization twice is a replay; the next count is not', () => {
  const digest = server();
  const first = answered(digest, 0);
  assert.equal(digest.verify(1, first, CHECK).kind, 'accepted');
  assert.deepEqual(digest.verify(2, first, CHECK), { kind: 'challenge', stale: true, reason: 'replay' });
});

test('counts may overtake each other within a window, each is good once', () => {
  const digest = server();
  const nonce = digest.challenge(0, 'registrar')[0]?.[1] ?? '';
  const withCount = (nonceCount: number) => {
    const request = incoming({ method: 'REGISTER', uri: 'sip:192.0.2.100' });
    const refusal = createResponse(request, 401, { toTag: 'us', headers: [['WWW-Authenticate', nonce]] });
    const field = answerChallenge(refusal, request, { username: '1001', password: '1234', cnonce: 'x', nonceCount });
    request.headers.append('Authorization', field?.[1] ?? '');
    return digest.verify(1, request, CHECK).kind;
  };
  assert.deepEqual([3, 1, 2, 3, 1, 40, 9, 8, 10].map(withCount), [
    'accepted',
    'accepted',
    'accepted',
    'challenge',
    'challenge',
    'accepted',
    'accepted',
    'challenge',
    'accepted',
  ]);
});

test('an old nonce with the right password is stale, with a wrong one it is wrong', () => {
  const digest = server();
  assert.deepEqual(digest.verify(60_001, answered(digest, 0), CHECK), {
    kind: 'challenge',
    stale: true,
    reason: 'stale',
  });
  assert.equal(digest.verify(60_001, answered(digest, 0, { password: 'x' }), CHECK).kind, 'rejected');
});

test('a nonce of another secret, or from before a restart, is stale and never accepted', () => {
  const before = new DigestServer({ realm: 'ims', secret: new Uint8Array(32).fill(8) });
  assert.deepEqual(server().verify(1, answered(before, 0), CHECK), { kind: 'challenge', stale: true, reason: 'stale' });
});

test('a nonce that was tampered with is never accepted', () => {
  const digest = server();
  const request = answered(digest, 0);
  const nonce = authorization.parse(request.headers.get('Authorization') ?? '');
  assert.ok(nonce.ok);
  for (const forged of [
    '',
    'x',
    `1${nonce.value.nonce}`,
    nonce.value.nonce.slice(0, -1),
    `zzzz-${nonce.value.nonce}`,
  ]) {
    const outcome = digest.verify(
      1,
      changed(request, (value) => value.replace(nonce.value.nonce, forged)),
      CHECK,
    );
    assert.notEqual(outcome.kind, 'accepted');
  }
});

test('clients without qop are accepted, each response once', () => {
  const digest = server();
  const request = incoming({ method: 'REGISTER', uri: 'sip:192.0.2.100' });
  const [, challenge = ''] = digest.challenge(0, 'registrar')[0] ?? [];
  const refusal = createResponse(request, 401, {
    headers: [['WWW-Authenticate', challenge.replace(/, qop="auth"/, '')]],
  });
  const field = answerChallenge(refusal, request, { username: '1001', password: '1234', cnonce: 'x' });
  assert.doesNotMatch(field?.[1] ?? '', /nc=|cnonce=|qop=/);
  request.headers.append('Authorization', field?.[1] ?? '');
  assert.equal(digest.verify(1, request, CHECK).kind, 'accepted');
  assert.equal(digest.verify(2, request, CHECK).kind, 'challenge');
});

test('several algorithms are offered best first, the client takes the first that it knows (RFC 8760 2.4)', () => {
  const digest = server(['SHA-512-256', 'SHA-256', 'MD5']);
  const fields = digest.challenge(0, 'registrar');
  assert.deepEqual(
    fields.map(([, value]) => {
      const parsed = wwwAuthenticate.parse(value);
      return parsed.ok && parsed.value.algorithm;
    }),
    ['SHA-512-256', 'SHA-256', 'MD5'],
  );
  const request = answered(digest, 0);
  assert.match(request.headers.get('Authorization') ?? '', /algorithm=SHA-512-256/);
  assert.equal(digest.verify(1, request, CHECK).kind, 'accepted');
});

test('an algorithm that is not offered is not accepted', () => {
  const request = answered(server(['SHA-256']), 0);
  assert.deepEqual(server().verify(1, request, CHECK), { kind: 'challenge', stale: false, reason: 'malformed' });
});

test('credentials for other realms on the way are passed over', () => {
  const digest = server();
  const request = answered(digest, 0);
  request.headers.prepend(
    'Authorization',
    'Digest username="a", realm="b", nonce="c", uri="sip:d", response="00000000000000000000000000000000"',
  );
  request.headers.prepend('Authorization', 'Basic abc');
  assert.equal(digest.verify(1, request, CHECK).kind, 'accepted');
});

test('the digest uri may differ in host and lack the user, but not name another user', () => {
  const digest = server();
  const verify = (digestUri: string) => {
    const request = answered(digest, 0, {}, { uri: digestUri });
    return digest.verify(1, { ...request, uri: 'sip:1002@192.0.2.100:5060;transport=udp' }, CHECK).kind;
  };
  assert.equal(verify('sip:1002@ims.example.com'), 'accepted');
  assert.equal(verify('sip:192.0.2.100'), 'accepted');
  assert.equal(verify('sip:1003@192.0.2.100'), 'challenge');
});

test('forgetting nonces for want of room never lets a replay in', () => {
  const digest = new DigestServer({ realm: 'ims', secret: SECRET, maxNonces: 2 });
  const requests = [0, 1, 2].map((now) => answered(digest, now));
  assert.deepEqual(
    requests.map((request) => digest.verify(3, request, CHECK).kind),
    ['accepted', 'accepted', 'accepted'],
  );
  assert.deepEqual(
    requests.map((request) => digest.verify(4, request, CHECK).kind),
    ['challenge', 'challenge', 'challenge'],
  );
});

test('only the credentials for our realm are taken out of a request (RFC 3261 22.3)', () => {
  const digest = server();
  const { headers } = answered(digest, 0);
  const other = 'Digest username="a", realm="b", nonce="c", uri="sip:d", response="00000000000000000000000000000000"';
  headers.append('Authorization', other);
  headers.append('Authorization', 'Bearer abc');
  headers.append('Authorization', 'Digest username="a"');
  headers.append('Proxy-Authorization', other);
  digest.removeOwnCredentials(headers);
  assert.deepEqual(headers.getLines('Authorization'), [other, 'Bearer abc']);
  assert.deepEqual(headers.getLines('Proxy-Authorization'), [other]);
});
