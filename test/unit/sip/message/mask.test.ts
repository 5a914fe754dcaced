import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskSecrets } from '../../../../src/sip/message/mask.ts';

const lines = (...of: string[]): string => of.join('\r\n');

test('of a digest nothing is left that a password could be guessed from; who it is of stays', () => {
  const masked = maskSecrets(
    lines(
      'REGISTER sip:192.0.2.1 SIP/2.0',
      'authorization: Digest username="1001", realm="r", nonce="5f2a", uri="sip:192.0.2.1", response="deadbeef", cnonce=xyz, nc=00000001',
      'Proxy-Authorization: Basic MTAwMToxMjM0',
      'X-Response: response="stays"',
      '',
      '',
    ),
  );
  assert.match(masked, /username="1001", realm="r", nonce=\*\*\*, uri="sip:192.0.2.1", response=\*\*\*, cnonce=\*\*\*/);
  assert.doesNotMatch(masked, /deadbeef|5f2a|xyz|MTAwMToxMjM0/);
  assert.match(masked, /^X-Response: response="stays"/m);
});

test('a folded header, and empty lines before the message, hide nothing from the mask', () => {
  const register = lines(
    'REGISTER sip:192.0.2.1 SIP/2.0',
    'Authorization: Digest username="1001",',
    ' realm="r", nonce="5f2a",',
    '\tresponse =',
    ' "deadbeef", nc=00000001',
    'X-Response: response="stays"',
    '',
    '',
  );
  const message = lines('MESSAGE sip:1002@192.0.2.1 SIP/2.0', 'Call-ID: a', '', 'meet me at noon');
  for (const before of ['', '\r\n', '\r\n\r\n', '\n\n']) {
    const masked = maskSecrets(before + register);
    assert.doesNotMatch(masked, /deadbeef|5f2a/);
    assert.match(
      masked,
      /username="1001",\r\n realm="r", nonce=\*\*\*,\r\n[\s\S]*nc=00000001\r\nX-Response: response="stays"/,
    );
    assert.doesNotMatch(maskSecrets(before + message), /noon/);
  }
});

test('keys of SRTP and the password of ICE are masked, the rest of the SDP is not', () => {
  const sdp = [
    'v=0',
    'c=IN IP4 192.0.2.7',
    'm=audio 4000 RTP/SAVP 0',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0',
    'a=ice-ufrag:me',
    'a=ice-pwd:hush',
    '',
  ];
  const masked = maskSecrets(lines('INVITE sip:1002@192.0.2.1 SIP/2.0', 'Call-ID: a', '', ...sdp));
  assert.doesNotMatch(masked, /c2VjcmV0|hush/);
  assert.match(masked, /^a=crypto:1 AES_CM_128_HMAC_SHA1_80 \*\*\*/m);
  assert.match(masked, /^m=audio 4000 RTP\/SAVP 0\r\n/m);
  assert.match(masked, /^a=ice-ufrag:me/m);
});

test('the text of a MESSAGE is its users’ own; a message without a body, or without an end, is as it was', () => {
  const message = lines('MESSAGE sip:1002@192.0.2.1 SIP/2.0', 'Call-ID: a', '', 'meet me at noon');
  assert.equal(maskSecrets(message), lines('MESSAGE sip:1002@192.0.2.1 SIP/2.0', 'Call-ID: a', '', '***'));
  for (const text of [lines('MESSAGE sip:a@b SIP/2.0', 'Call-ID: a', '', ''), 'OPTIONS sip:a@b SIP/2.0', '']) {
    assert.equal(maskSecrets(text), text);
  }
});
