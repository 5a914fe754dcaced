import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMessage } from '../../../../src/sip/message/format.ts';
import { from } from '../../../../src/sip/message/headers/from.ts';
import {
  isKeepAlive,
  MAX_HEADERS,
  MAX_LINE_LENGTH,
  MAX_VIAS,
  parseMessage,
} from '../../../../src/sip/message/parse.ts';
import { incoming, parsed, wire } from '../support.ts';

const HEAD = `Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1
From: <sip:1001@example.com>;tag=a
To: <sip:1002@example.com>
Call-ID: c1
CSeq: 1 OPTIONS`;

function codeOf(bytes: Uint8Array): string {
  const result = parseMessage(bytes);
  return result.ok ? 'ok' : result.error.code;
}

function options(extra: string, head = HEAD): Uint8Array {
  return wire(`OPTIONS sip:1002@example.com SIP/2.0\n${head}\n${extra}`);
}

test('a message is formatted back to the same bytes: names, their case, order and unknown headers', () => {
  const bytes = wire(`INVITE sip:1002@example.com SIP/2.0
v: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1
VIA: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2, SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK3
f: "A \\" B" <sip:1001@example.com>;tag=a
t: <sip:1002@example.com>
i: c1
X-Unknown: one, two;three="four, five"
cSeQ: 1 INVITE
x-unknown: again
l: 5
Subject: last

12345`);
  const result = parseMessage(bytes);
  assert.ok(result.ok);
  assert.deepEqual(Buffer.from(formatMessage(result.value)), Buffer.from(bytes));
});

test('empty lines before the start line are skipped (RFC 3261 7.5)', () => {
  assert.equal(codeOf(new Uint8Array([13, 10, 13, 10, ...options('')])), 'ok');
});

test('bare LF ends a line as CRLF does', () => {
  const text = `OPTIONS sip:1002@example.com SIP/2.0\n${HEAD}\nContent-Length: 2\n\nhi`;
  const result = parseMessage(new TextEncoder().encode(text));
  assert.ok(result.ok);
  assert.equal(new TextDecoder().decode(result.value.body), 'hi');
});

test('without Content-Length the body is the rest of the datagram (18.3)', () => {
  const result = parseMessage(options('\nrest'));
  assert.ok(result.ok);
  assert.equal(new TextDecoder().decode(result.value.body), 'rest');
});

test('bytes beyond Content-Length are dropped, missing ones refused (18.3)', () => {
  const longer = parseMessage(options('Content-Length: 2\n\nrest'));
  assert.ok(longer.ok);
  assert.equal(longer.value.body.length, 2);
  assert.equal(codeOf(options('Content-Length: 5\n\nrest')), 'body-too-short');
});

test('a message that ends in its header still has all its fields', () => {
  const text = `OPTIONS sip:1002@example.com SIP/2.0\n${HEAD}`.replace(/\n/g, '\r\n');
  assert.equal(codeOf(new TextEncoder().encode(text)), 'ok');
});

test('a display name in ISO 8859-1 is understood and passed on as UTF-8', () => {
  const bytes = wire(`OPTIONS sip:1002@example.com SIP/2.0\n${HEAD.replace('From: ', 'From: "M?ller" ')}`);
  bytes[bytes.indexOf(0x3f)] = 0xfc;
  const result = parseMessage(bytes);
  assert.ok(result.ok);
  assert.equal(result.value.headers.read(from)?.displayName, 'Müller');
  assert.ok(Buffer.from(formatMessage(result.value)).includes('Müller'));
});

test('limits: bytes, length of a field, fields, Vias', () => {
  assert.equal(codeOf(new Uint8Array(65_536)), 'too-long');
  assert.equal(codeOf(options(`X: ${'x'.repeat(MAX_LINE_LENGTH)}`)), 'line-too-long');
  assert.equal(codeOf(options(`X: a\n${' a\n'.repeat(MAX_LINE_LENGTH / 2)}`)), 'line-too-long');
  assert.equal(codeOf(options('X: x\n'.repeat(MAX_HEADERS - 5))), 'ok');
  assert.equal(codeOf(options('X: x\n'.repeat(MAX_HEADERS - 4))), 'too-many-headers');
  const vias = (count: number) => `v: ${Array(count).fill('SIP/2.0/UDP 192.0.2.9').join(',')}`;
  assert.equal(codeOf(options(vias(MAX_VIAS - 1))), 'ok');
  assert.equal(codeOf(options(vias(MAX_VIAS))), 'too-many-vias');
});

test('a field with a bare CR or a NUL is refused: nothing can be smuggled through it', () => {
  assert.equal(codeOf(options('X: a\rInjected: b')), 'bad-character');
  assert.equal(codeOf(options('X: a\0b')), 'bad-character');
});

test('what is no SIP is dropped, not answered', () => {
  for (const text of ['', 'hello', 'GET / HTTP/1.1\nHost: a', '\0\0\0', 'OPTIONS', 'SIP/2.0', 'SIP/2.0 abc']) {
    const result = parseMessage(wire(text));
    assert.ok(!result.ok, text);
    assert.equal(result.error.refusal, undefined, text);
  }
});

test('a malformed ACK is never answered', () => {
  const result = parseMessage(wire(`ACK sip:1002@example.com SIP/2.0\n${HEAD}`));
  assert.ok(!result.ok);
  assert.equal(result.error.code, 'cseq-method-mismatch');
  assert.equal(result.error.refusal, undefined);
});

test('each mandatory header that is missing is named', () => {
  for (const line of HEAD.split('\n')) {
    const name = line.slice(0, line.indexOf(':'));
    const head = HEAD.split('\n')
      .filter((other) => other !== line)
      .join('\n');
    assert.equal(codeOf(options('', head)), `no-${name.toLowerCase()}`);
  }
});

test('a header without colon, or with a name that is no token, is refused', () => {
  assert.equal(codeOf(options('No colon here')), 'bad-header-line');
  assert.equal(codeOf(options('Bad name: x')), 'bad-header-line');
  assert.equal(codeOf(options(': x')), 'bad-header-line');
});

test('a long run of blanks costs no more than its length', () => {
  const blanks = ' '.repeat(MAX_LINE_LENGTH - 200);
  const started = performance.now();
  for (const line of [
    `X: a${blanks}b`,
    `X: a\n${blanks}b`,
    `Via: SIP/2.0/UDP a${blanks}b`,
    `Contact: "${'\\'.repeat(4000)}`,
    `Route: <${blanks}`,
  ]) {
    codeOf(options(line));
    codeOf(wire(`OPTIONS sip:1002@example.com SIP/2.0\n${line}\n${HEAD}`));
  }
  assert.ok(performance.now() - started < 250, 'quadratic');
});

test('keep-alives are told from messages', () => {
  assert.equal(isKeepAlive(new Uint8Array([13, 10, 13, 10])), true);
  assert.equal(isKeepAlive(new Uint8Array([0])), true);
  assert.equal(isKeepAlive(new Uint8Array(0)), true);
  assert.equal(isKeepAlive(wire('a')), false);
});

test('Request-URI and status line are told apart', () => {
  const request = incoming({ method: 'MESSAGE', uri: 'tel:+1-201-555-0123' });
  assert.equal(request.uri, 'tel:+1-201-555-0123');
  const response = parsed(`SIP/2.0 183 Session Progress, soon\n${HEAD}`);
  assert.equal(response.kind === 'response' && response.reason, 'Session Progress, soon');
});
