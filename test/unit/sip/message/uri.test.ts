import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  equalUris,
  escapeUser,
  formatUri,
  parseSipUriOrUndefined,
  parseUri,
  sipUri,
  unescapeUri,
} from '../../../../src/sip/message/uri.ts';

test('a SIP URI is taken apart and put together again', () => {
  for (const text of [
    'sip:example.com',
    'sip:alice@example.com',
    'sips:alice:secret@example.com:5061;transport=tcp;lr?Subject=hi&Priority=urgent',
    'sip:alice@[2001:db8::1]:5060',
    'sip:+1-201-555-0123@192.0.2.1;user=phone',
    'sip:%61lice@EXAMPLE.com;x=%3d',
    'sip:alice;day=tuesday@atlanta.com',
    'sip:a_b.example_host.com',
  ]) {
    const result = parseUri(text);
    assert.ok(result.ok, text);
    assert.equal(result.value.kind, 'sip');
    assert.equal(formatUri(result.value), text);
  }
});

test('tel and unknown schemes are carried through', () => {
  const tel = parseUri('tel:+1-201-555-0123;phone-context=example.com');
  assert.ok(tel.ok && tel.value.kind === 'tel');
  assert.equal(tel.value.number, '+1-201-555-0123');
  assert.equal(formatUri(tel.value), 'tel:+1-201-555-0123;phone-context=example.com');
  const urn = parseUri('urn:service:sos.fire');
  assert.ok(urn.ok && urn.value.kind === 'other');
  assert.equal(formatUri(urn.value), 'urn:service:sos.fire');
});

test('what is no URI is refused', () => {
  for (const text of [
    '',
    'alice',
    'sip:',
    'sip:@example.com',
    'sip:a b@example.com',
    'sip:a@',
    'sip:a@exa mple',
    'sip:a@b:port',
    'sip:a@b:70000',
    'sip:a@[::1',
    'sip:a@b;',
    'sip:a@b;x=<',
    'sip:a%4@b',
    'tel:',
    ':x',
    '<sip:a@b>',
    'sip:a@b@c',
  ]) {
    assert.equal(parseUri(text).ok, false, text);
  }
});

test('scheme and host compare without case, users with (RFC 3261 19.1.4)', () => {
  const same = (a: string, b: string) => {
    const [left, right] = [parseUri(a), parseUri(b)];
    assert.ok(left.ok && right.ok);
    assert.equal(equalUris(left.value, right.value), equalUris(right.value, left.value));
    return equalUris(left.value, right.value);
  };
  assert.equal(same('sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'), true);
  assert.equal(same('sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'), true);
  assert.equal(same('sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;newparam=6'), false);
  assert.equal(same('SIP:ALICE@AtLanTa.CoM', 'sip:alice@AtLanTa.CoM'), false);
  assert.equal(same('sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'), false);
  assert.equal(same('sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'), false);
  assert.equal(same('sip:bob@biloxi.com', 'sips:bob@biloxi.com'), false);
  assert.equal(same('sip:carol@chicago.com?Subject=next&A=b', 'sip:carol@chicago.com?a=b&subject=next'), true);
});

test('a user is escaped where it must be, and comes back', () => {
  assert.equal(escapeUser('alice'), 'alice');
  assert.equal(escapeUser('a b@ü'), 'a%20b%40%C3%BC');
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (user) => {
      const parsed = parseSipUriOrUndefined(formatUri(sipUri({ user, host: 'example.com', port: 5060 })));
      assert.ok(parsed !== undefined);
      assert.equal(unescapeUri(parsed.user ?? ''), user);
    }),
  );
});

test('an escape that is no UTF-8 stays as it is', () => {
  assert.equal(unescapeUri('%ff%zz'), '%ff%zz');
});
