import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerOf, mediaOf, parseSippLog } from '../../support/sip-log.ts';

const DASHES = '-----------------------------------------------';

const LOG = [
  `${DASHES} 2026-11-22\t17:37:38.506495`,
  'UDP message sent (300 bytes):',
  '',
  'INVITE sip:1002@127.0.0.1:5060 SIP/2.0\r',
  'Call-ID: 1-9349@127.0.0.1\r',
  '\r',
  'v=0\r',
  'c=IN IP4 192.0.2.1\r',
  'm=audio 4000 RTP/AVP 0\r',
  'a=sendonly\r',
  'm=video 0 RTP/AVP 96\r',
  'c=IN IP4 192.0.2.2\r',
  '',
  `${DASHES} 2026-11-22\t17:37:38.506999`,
  'UDP message received [120] bytes :',
  '',
  'SIP/2.0 100 Trying\r',
  'call-id:1-9349@127.0.0.1\r',
  'Content-Length: 0\r',
  '\r',
  '',
].join('\n');

test('messages are read with their direction, headers and media lines', () => {
  const [invite, trying] = parseSippLog(LOG);
  assert.ok(invite && trying);
  assert.equal(invite.direction, 'sent');
  assert.equal(invite.startLine, 'INVITE sip:1002@127.0.0.1:5060 SIP/2.0');
  assert.equal(trying.direction, 'received');
  assert.equal(headerOf(trying, 'Call-ID'), '1-9349@127.0.0.1');
  assert.deepEqual(mediaOf(trying), []);
  assert.deepEqual(mediaOf(invite), [
    { media: 'audio', address: '192.0.2.1', port: 4000, direction: 'sendonly' },
    { media: 'video', address: '192.0.2.2', port: 0, direction: 'sendrecv' },
  ]);
});
