import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMessage } from '../../../../src/sip/message/format.ts';
import { callId } from '../../../../src/sip/message/headers/call-id.ts';
import { contact, contactQ } from '../../../../src/sip/message/headers/contact.ts';
import { cseq } from '../../../../src/sip/message/headers/cseq.ts';
import { from } from '../../../../src/sip/message/headers/from.ts';
import { route } from '../../../../src/sip/message/headers/route.ts';
import { to } from '../../../../src/sip/message/headers/to.ts';
import { via } from '../../../../src/sip/message/headers/via.ts';
import type { SipMessage } from '../../../../src/sip/message/message.ts';
import { parseMessage } from '../../../../src/sip/message/parse.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import { parseSipUriOrUndefined, unescapeUri } from '../../../../src/sip/message/uri.ts';
import { RFC4475 } from '../../../vectors/sip/rfc4475.ts';

function bytesOf(name: string): Uint8Array {
  const vector = RFC4475.find((candidate) => candidate.name === name);
  assert.ok(vector !== undefined, name);
  return new TextEncoder().encode(vector.text.replace(/\n/g, '\r\n'));
}

function accepted(name: string): SipMessage {
  const result = parseMessage(bytesOf(name));
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

for (const vector of RFC4475) {
  test(`RFC 4475 ${vector.section} ${vector.name}: ${vector.what} → ${vector.expect}`, () => {
    const result = parseMessage(bytesOf(vector.name));
    if (vector.expect === 'accept') {
      assert.ok(result.ok, JSON.stringify(result));
      const again = parseMessage(formatMessage(result.value));
      assert.ok(again.ok, 'what was formatted is parsed again');
      assert.deepEqual(fieldsOf(again.value), fieldsOf(result.value));
      assert.deepEqual(again.value.body, result.value.body);
      return;
    }
    assert.ok(!result.ok);
    assert.ok(result.error.section.startsWith('RFC'), 'a paragraph is named');
    assert.equal(result.error.refusal?.status ?? 'drop', vector.expect);
    if (result.error.refusal !== undefined) {
      const { request, status } = result.error.refusal;
      const response = createResponse(request, status, { toTag: 'x' });
      for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
        assert.ok(response.headers.has(name), `${name} is copied`);
      }
    }
  });
}

/** All but Content-Length, whose value is made anew. */
function fieldsOf(message: SipMessage): [string, string][] {
  return [...message.headers].filter(([name]) => !/^(content-length|l)$/i.test(name));
}

test('wsinv: every folded and oddly spaced value is understood', () => {
  const { headers } = accepted('wsinv');
  assert.equal(headers.read(to)?.parameters.get('tag'), '1918181833n');
  assert.equal(headers.read(from)?.displayName, 'J Rosenberg \\"');
  assert.equal(headers.read(from)?.parameters.get('tag'), '98asjd8');
  assert.deepEqual(headers.read(cseq), { number: 9, method: 'INVITE' });
  const vias = headers.readAll(via);
  assert.ok(vias.ok);
  assert.deepEqual(
    vias.value.map((hop) => [hop.transport, hop.host, hop.parameters.get('branch')]),
    [
      ['UDP', '192.0.2.2', '390skdjuw'],
      ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
      ['UDP', '192.168.255.111', 'z9hG4bK30239'],
    ],
  );
  const address = headers.read(contact);
  assert.ok(address !== undefined && address !== '*');
  assert.equal(address.displayName, 'Quoted string ""');
  assert.equal(contactQ(address), 0.33);
  assert.equal(headers.get('NewFangledHeader'), 'newfangled value continued newfangled value');
  assert.equal(headers.get('UnknownHeaderWithUnusualValue'), ';;,,;;,;');
  assert.equal(headers.get('Subject'), '');
  assert.equal(headers.read(route)?.uri, 'sip:services.example.com;lr;unknownwith=value;unknown-no-value');
});

test('intmeth: method, user and Call-ID keep their characters', () => {
  const message = accepted('intmeth');
  assert.equal(message.kind === 'request' && message.method, "!interesting-Method0123456789_*+`.%indeed'~");
  const uri = parseSipUriOrUndefined(message.kind === 'request' ? message.uri : '');
  assert.equal(uri?.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  assert.equal(uri?.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  assert.equal(uri?.host, 'example.com');
  assert.equal(message.headers.read(callId), 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
});

test('esc01: escapes are kept, and decoded on demand', () => {
  const message = accepted('esc01');
  const uri = parseSipUriOrUndefined(message.kind === 'request' ? message.uri : '');
  assert.equal(uri?.user, 'sips%3Auser%40example.com');
  assert.equal(unescapeUri(uri?.user ?? ''), 'sips:user@example.com');
  const target = message.headers.read(to);
  assert.equal(unescapeUri(parseSipUriOrUndefined(target?.uri ?? '')?.user ?? ''), 'user');
});

test('esc02: a header name with a percent sign is no Contact', () => {
  const { headers } = accepted('esc02');
  assert.equal(headers.count('Contact'), 2);
  assert.equal(headers.get('C%6Fntact'), '<sip:alias2@host2.example.com>');
});

test('dblreq: what follows Content-Length is not body', () => {
  assert.equal(accepted('dblreq').body.length, 0);
});

test('semiuri: parameters of the user are not those of the URI', () => {
  const message = accepted('semiuri');
  const uri = parseSipUriOrUndefined(message.kind === 'request' ? message.uri : '');
  assert.equal(uri?.user, 'user;par=u%40example.net');
  assert.equal(uri?.parameters.size, 0);
});

test('unreason: the reason phrase survives', () => {
  const message = accepted('unreason');
  assert.equal(message.kind === 'response' && message.reason, '= 2**3 * 5**2 но сто девяносто');
});

test('regbadct: the Contact is malformed and says so when it is read', () => {
  const { headers } = accepted('regbadct');
  assert.equal(headers.readAll(contact).ok, false);
});

test('cparam01 and cparam02: the parameter belongs to the header, or to the URI', () => {
  const first = accepted('cparam01').headers.read(contact);
  const second = accepted('cparam02').headers.read(contact);
  assert.ok(first !== undefined && first !== '*' && second !== undefined && second !== '*');
  assert.equal(first.parameters.has('unknownparam'), true);
  assert.equal(second.parameters.has('unknownparam'), false);
  assert.equal(second.uri, 'sip:+19725552222@gw1.example.net;unknownparam');
});
