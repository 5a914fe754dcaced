import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLadder } from '../../../src/cli/ladder.ts';
import type { TracedMessage } from '../../../src/sip/message/traced-message.ts';

function message(
  direction: TracedMessage['direction'],
  remote: string,
  text: string,
  at = Date.UTC(2026, 10, 23, 12, 0, 0, 123),
): TracedMessage {
  return { at, direction, transport: 'udp', local: '192.0.2.1:5060', remote, callId: 'a', call: 'a', text };
}

const ALICE = '192.0.2.7:5060';
const BOB = '192.0.2.9:5062';
const sdp = (more: string): string => `\r\n\r\nv=0\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n${more}`;

test('a column for each party, ours between them, arrows as the messages went, and where the media is to go', () => {
  const text = formatLadder([
    message('received', ALICE, `INVITE sip:1002@192.0.2.1 SIP/2.0${sdp('')}`),
    message('sent', ALICE, 'SIP/2.0 100 Trying\r\n\r\n'),
    message('sent', BOB, `INVITE sip:1002@192.0.2.9 SIP/2.0${sdp('a=sendonly\r\nm=video 0 RTP/AVP 96\r\n')}`),
    message('received', BOB, 'SIP/2.0 486 Busy Here\r\n\r\n'),
  ]);
  assert.equal(
    text,
    [
      '                     192.0.2.7:5060                ims-server                192.0.2.9:5062',
      '12:00:00.123                │ INVITE ──────────────────►│                           │              audio 192.0.2.7:4000',
      '12:00:00.123                │◄────────────── 100 Trying │                           │',
      '12:00:00.123                │                           │ INVITE ──────────────────►│              audio 192.0.2.7:4000 sendonly, video -',
      '12:00:00.123                │                           │◄─────────── 486 Busy Here │',
      '',
    ].join('\n'),
  );
});

test('hostile text moves no cursor, and more parties than there is room for share a column', () => {
  const many = Array.from({ length: 7 }, (_, index) =>
    message('sent', `192.0.2.${index + 10}:5060`, 'BYE sip:a SIP/2.0'),
  );
  const text = formatLadder([
    message('received', ALICE, '\u001b[2J\u0007EVIL\u202e sip:a SIP/2.0\r\n\r\n'),
    ...many,
    message('received', ALICE, `SIP/2.0 200 ${'very '.repeat(40)}long\r\n\r\n`),
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is the point
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u202e]/);
  assert.match(text, /192\.0\.2\.16:5060$/m);
  assert.ok(text.split('\n').every((line) => line.length < 200));
});
