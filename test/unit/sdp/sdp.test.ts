import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findSdp } from '../../../src/sdp/body.ts';
import { MAX_MEDIA, parseSdp } from '../../../src/sdp/parse.ts';
import { relocateMedia } from '../../../src/sdp/relocate.ts';
import { formatSdp, isHeld, type SessionDescription } from '../../../src/sdp/session-description.ts';

const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join('');

function parsed(text: string): SessionDescription {
  const result = parseSdp(text);
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.error));
  return result.value;
}

function errorOf(text: string): string {
  const result = parseSdp(text);
  assert.ok(!result.ok);
  return result.error.code;
}

const AUDIO_VIDEO = lines(
  'v=0',
  'o=alice 2890844526 2890844527 IN IP4 192.168.1.10',
  's=Ünïcödé – kept',
  'c=IN IP4 192.168.1.10',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'a=sendrecv',
  'm=audio 49170 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
  'a=rtcp:49180 IN IP4 192.168.1.10',
  'a=candidate:1 1 UDP 2130706431 192.168.1.10 49170 typ host',
  'a=ice-ufrag:8hhY',
  'a=ice-pwd:asd88fgpdd777uzjYhagZg',
  'a=rtcp-mux',
  'a=x-unknown:  keep  me ',
  'm=video 51372/2 RTP/SAVPF 99',
  'c=IN IP4 192.168.1.11',
  'a=rtpmap:99 H264/90000',
  'a=rtcp:51390',
  'a=sendonly',
);

test('reads each stream: media, port, count, protocol, address, rtcp, direction, payload types, rtpmap', () => {
  const { media } = parsed(AUDIO_VIDEO);
  const [audio, video] = media;
  assert.ok(audio && video);
  assert.equal(audio.media, 'audio');
  assert.equal(audio.port, 49170);
  assert.equal(audio.portCount, 1);
  assert.equal(audio.proto, 'RTP/AVP');
  assert.deepEqual(audio.connection, { family: 4, address: '192.168.1.10' });
  assert.deepEqual(audio.rtcp, { port: 49180, address: '192.168.1.10' });
  assert.equal(audio.direction, 'sendrecv');
  assert.equal(audio.rtcpMux, true);
  assert.deepEqual(audio.payloadTypes, [0, 8, 101]);
  assert.deepEqual(audio.rtpMaps.get(101), { encoding: 'telephone-event', clockRateHz: 8000 });
  assert.equal(video.portCount, 2);
  assert.deepEqual(video.connection, { family: 4, address: '192.168.1.11' });
  assert.deepEqual(video.rtcp, { port: 51390, address: undefined });
  assert.equal(video.direction, 'sendonly');
});

test('every stream moves to the relay; all other lines stay in their place, byte for byte', () => {
  assert.equal(
    relocateMedia(parsed(AUDIO_VIDEO), { address: '203.0.113.5', ports: [10000, 10004] }),
    lines(
      'v=0',
      'o=alice 2890844526 2890844527 IN IP4 203.0.113.5',
      's=Ünïcödé – kept',
      'c=IN IP4 203.0.113.5',
      't=0 0',
      'a=sendrecv',
      'm=audio 10000 RTP/AVP 0 8 101',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-16',
      'a=rtcp:10001 IN IP4 203.0.113.5',
      'a=x-unknown:  keep  me ',
      'm=video 10004 RTP/SAVPF 99',
      'c=IN IP4 203.0.113.5',
      'a=rtpmap:99 H264/90000',
      'a=rtcp:10005',
      'a=sendonly',
    ),
  );
});

test('bare LF and a last line without an ending are kept', () => {
  const text = 'v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0';
  assert.equal(formatSdp(parsed(text)), text);
  assert.equal(
    relocateMedia(parsed(text), { address: '127.0.0.1', ports: [30000] }),
    'v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 30000 RTP/AVP 0',
  );
});

test('a rejected stream keeps port 0 and gets no relay port (RFC 3264 6)', () => {
  const text = lines(
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 4000 RTP/AVP 0',
    'm=video 0 RTP/AVP 31',
  );
  const moved = relocateMedia(parsed(text), { address: '10.9.9.9', ports: [30000, undefined] });
  assert.match(moved, /m=audio 30000 /);
  assert.match(moved, /m=video 0 RTP\/AVP 31\r\n/);
});

test('IPv6 to IPv4 and back: the address type follows the address', () => {
  const six = lines(
    'v=0',
    'o=- 1 1 IN IP6 2001:db8::1',
    's=-',
    'c=IN IP6 2001:db8::1',
    't=0 0',
    'm=audio 4000 RTP/AVP 0',
  );
  assert.match(relocateMedia(parsed(six), { address: '10.0.0.9', ports: [30000] }), /c=IN IP4 10\.0\.0\.9\r\n/);
  const four = lines('v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 'c=IN IP4 10.0.0.1', 't=0 0', 'm=audio 4000 RTP/AVP 0');
  const moved = relocateMedia(parsed(four), { address: '2001:db8::9', ports: [30000] });
  assert.match(moved, /o=- 1 1 IN IP6 2001:db8::9\r\n/);
  assert.match(moved, /c=IN IP6 2001:db8::9\r\n/);
});

test('the null address of an old hold stays: it says "do not send", not where to (RFC 3264 8.4)', () => {
  const text = lines('v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 'c=IN IP4 0.0.0.0', 't=0 0', 'm=audio 4000 RTP/AVP 0');
  const held = parsed(text);
  assert.ok(held.media[0] && isHeld(held.media[0]));
  assert.match(relocateMedia(held, { address: '10.9.9.9', ports: [30000] }), /c=IN IP4 0\.0\.0\.0\r\n/);
});

test('sendonly and inactive are holds, at session level too', () => {
  const base = ['v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 'c=IN IP4 10.0.0.1', 't=0 0'];
  const held = (text: string): boolean | undefined => parsed(text).media.map(isHeld)[0];
  assert.equal(held(lines(...base, 'm=audio 4000 RTP/AVP 0', 'a=sendonly')), true);
  assert.equal(held(lines(...base, 'a=inactive', 'm=audio 4000 RTP/AVP 0')), true);
  assert.equal(held(lines(...base, 'a=inactive', 'm=audio 4000 RTP/AVP 0', 'a=recvonly')), false);
});

test('a stream that no relay of datagrams can carry is switched off, and its address stays here (RFC 4145)', () => {
  const text = lines(
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 4000 RTP/AVP 0',
    'm=message 2855 TCP/MSRP *',
    'i=chat',
    'a=path:msrp://10.0.0.1:2855/x;tcp',
  );
  assert.equal(
    relocateMedia(parsed(text), { address: '10.9.9.9', ports: [30000, undefined] }).split('m=message')[1],
    ' 0 TCP/MSRP *\r\ni=chat\r\n',
  );
});

test('no address of the party is left, whatever is on and whatever is off', () => {
  const text = lines(
    'v=0',
    'o=-\t1  2 IN\tIP4  10.0.0.1 ',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'a=rtcp:5001 IN IP4 10.0.0.1',
    'a=source-filter: incl IN IP4 * 10.0.0.1',
    'm=audio 0 RTP/AVP 0',
    'c=IN IP4 10.0.0.1',
    'a=rtcp:5003 IN IP4 10.0.0.1',
    'a=altc:1 IP4 10.0.0.1 5002',
    'a=alt:1 1 : A B 10.0.0.1 5002',
    'm=image 4000 udptl t38',
    'a=rtcp:5005 IN IP4 10.0.0.1',
  );
  for (const ports of [
    [undefined, undefined],
    [undefined, 30000],
  ]) {
    const moved = relocateMedia(parsed(text), { address: '203.0.113.5', ports });
    assert.doesNotMatch(moved, /10\.0\.0\.1/);
    assert.match(moved, /^o=- 1 2 IN IP4 203\.0\.113\.5\r$/m);
    assert.match(moved, /^c=IN IP4 203\.0\.113\.5\r$/m);
  }
});

test('an origin with blanks in its user name, or with too few fields, becomes one with six', () => {
  const origin = (text: string): string | undefined =>
    /^o=.*$/m.exec(
      relocateMedia(parsed(lines('v=0', text, 's=-', 't=0 0')), { address: '203.0.113.5', ports: [] }),
    )?.[0];
  assert.equal(origin('o=My Phone 7 8 IN IP4 10.0.0.1'), 'o=My Phone 7 8 IN IP4 203.0.113.5');
  assert.equal(origin('o=10.0.0.9'), 'o=10.0.0.9 0 0 IN IP4 203.0.113.5');
  assert.equal(origin('o='), 'o=- 0 0 IN IP4 203.0.113.5');
});

test('what leaves the media unclear is refused, with its rule', () => {
  const head = ['v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 't=0 0'];
  assert.equal(errorOf(''), 'no-version');
  assert.equal(errorOf('hello'), 'no-version');
  assert.equal(errorOf(lines('v=1')), 'no-version');
  assert.equal(errorOf(lines(...head, 'm=audio 4000 RTP/AVP 0')), 'no-connection');
  assert.equal(errorOf(lines(...head, 'c=IN IP4 10.0.0.1', 'm=audio x RTP/AVP 0')), 'bad-media');
  assert.equal(errorOf(lines(...head, 'c=IN IP4 10.0.0.1', 'm=audio 70000 RTP/AVP 0')), 'bad-media');
  assert.equal(errorOf(lines(...head, 'c=IN IP4 10.0.0', 'm=audio 4000 RTP/AVP 0')), 'bad-connection');
  assert.equal(errorOf(lines(...head, 'c=IN IP6 10.0.0.1', 'm=audio 4000 RTP/AVP 0')), 'bad-connection');
  assert.equal(errorOf(lines(...head, 'c=IN IP4 224.2.36.42/127', 'm=audio 4000 RTP/AVP 0')), 'multicast');
  assert.equal(errorOf(lines(...head, 'nonsense', 'm=audio 4000 RTP/AVP 0')), 'bad-line');
  const many = new Array(MAX_MEDIA + 1).fill('m=audio 4000 RTP/AVP 0');
  assert.equal(errorOf(lines(...head, 'c=IN IP4 10.0.0.1', ...many)), 'too-many-media');
});

test('a rejected stream needs no address, and a session without streams is one (RFC 8866 5)', () => {
  assert.equal(parsed(lines('v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 't=0 0', 'm=audio 0 RTP/AVP 0')).media.length, 1);
  assert.equal(parsed(lines('v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', 't=0 0')).media.length, 0);
});

test('never throws, and gives back what it read, for any text', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'v=0',
      'c=IN IP4 1.2.3.4',
      'c=IN IP4',
      'm=audio 1 RTP/AVP 0',
      'm=',
      'a=rtcp:',
      'a=rtcp:99999',
      'a=rtpmap:0',
    ),
  );
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom('\r\n', '\n', '\r', ''), (all, ending) => {
      const result = parseSdp(`v=0${ending}${all.join(ending)}`);
      if (result.ok) {
        assert.equal(formatSdp(result.value), `v=0${ending}${all.join(ending)}`);
        relocateMedia(result.value, { address: '10.0.0.1', ports: result.value.media.map(() => 20000) });
      }
    }),
  );
});

test('SDP is found in the whole body and in a part of a multipart body; other parts stay (RFC 5621)', () => {
  const sdp = lines('v=0', 's=-');
  const whole = findSdp('application/sdp; charset=utf-8', Buffer.from(sdp));
  assert.deepEqual(whole?.texts, [sdp]);
  const before =
    '--b 1\r\nContent-Type: application/isup\r\n\r\n\x00\x01\xff\r\n--b 1\r\nContent-Disposition: session\r\nc : Application/SDP\r\n\r\n';
  const after = '\r\n--b 1--\r\nepilogue';
  const body = Buffer.from(before + sdp + after, 'latin1');
  const part = findSdp('multipart/mixed;boundary="b 1"', body);
  assert.deepEqual(part?.texts, [sdp]);
  assert.deepEqual(Buffer.from(part?.replace(['v=0\r\n']) ?? []), Buffer.from(`${before}v=0\r\n${after}`, 'latin1'));
});

test('every description of a multipart body is found, and each is replaced in its place', () => {
  const part = (headers: string, text: string): string => `--x\r\n${headers}\r\n\r\n${text}\r\n`;
  const body = (one: string, two: string, three: string): string =>
    part('Content-Type: application/sdp', one) +
    part('Content-Type: text/plain', 'between') +
    part('Content-Type: text/plain\r\nContent-Type: application/sdp', two) +
    part('Content-Type: multipart/mixed;boundary=y', `--y\r\nc: application/sdp\r\n\r\n${three}\r\n--y--`) +
    '--x--\r\n';
  const found = findSdp('multipart/alternative;boundary=x', Buffer.from(body('v=0\r\n1', 'v=0\r\n2', 'v=0\r\n3')));
  assert.deepEqual(found?.texts, ['v=0\r\n1', 'v=0\r\n2', 'v=0\r\n3']);
  assert.equal(Buffer.from(found?.replace(['a', 'bbbbbbbbbbbb', '']) ?? []).toString(), body('a', 'bbbbbbbbbbbb', ''));
});

test('no SDP: no header, another type, a boundary that never comes', () => {
  const body = Buffer.from('v=0\r\n');
  assert.equal(findSdp(undefined, body), undefined);
  assert.equal(findSdp('application/dtmf-relay', body), undefined);
  assert.equal(findSdp('multipart/mixed;boundary=x', body), undefined);
  assert.equal(findSdp('multipart/mixed', body), undefined);
  assert.equal(findSdp('application/sdp', new Uint8Array()), undefined);
});

test('finding SDP never throws, for any type and body', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 500 }), (boundary, body) => {
      findSdp(`multipart/mixed; boundary="${boundary}"`, body);
      findSdp(
        `multipart/mixed; boundary=${boundary}`,
        Buffer.from(`--${boundary}\r\n--${boundary}\r\n\r\n--${boundary}--`),
      );
    }),
  );
});
