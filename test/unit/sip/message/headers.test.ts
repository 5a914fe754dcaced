import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contact, contactExpires, contactQ } from '../../../../src/sip/message/headers/contact.ts';
import { expires } from '../../../../src/sip/message/headers/expires.ts';
import { minSe } from '../../../../src/sip/message/headers/min-se.ts';
import { formatNameAddr, parseNameAddr } from '../../../../src/sip/message/headers/name-addr.ts';
import { replaces } from '../../../../src/sip/message/headers/replaces.ts';
import { retryAfter } from '../../../../src/sip/message/headers/retry-after.ts';
import { route } from '../../../../src/sip/message/headers/route.ts';
import { sessionExpires } from '../../../../src/sip/message/headers/session-expires.ts';
import { HEADER_FIELDS } from '../../../../src/sip/message/headers/table.ts';
import { via } from '../../../../src/sip/message/headers/via.ts';
import { warning } from '../../../../src/sip/message/headers/warning.ts';
import { Headers } from '../../../../src/sip/message/headers.ts';
import { parseHeaderParameters } from '../../../../src/sip/message/parameters.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import { incoming } from '../support.ts';

test('names compare without case, and compact forms equal full names (RFC 3261 7.3.3)', () => {
  const headers = new Headers([
    ['v', 'SIP/2.0/UDP a'],
    ['CALL-id', 'c1'],
  ]);
  assert.equal(headers.get('Via'), 'SIP/2.0/UDP a');
  assert.equal(headers.get('I'), 'c1');
  assert.equal(headers.has('call-ID'), true);
  assert.deepEqual(
    [...headers],
    [
      ['v', 'SIP/2.0/UDP a'],
      ['CALL-id', 'c1'],
    ],
  );
});

test('values of a list header are split at commas outside quotes and brackets; those of another are not', () => {
  const headers = new Headers([
    ['Contact', '"a, b" <sip:a,b@example.com>, <sip:c@example.com>;x="1,2"'],
    ['m', 'sip:d@example.com'],
    ['Subject', 'a, b'],
    ['X-Unknown', 'a, b'],
  ]);
  assert.deepEqual(headers.getAll('Contact'), [
    '"a, b" <sip:a,b@example.com>',
    '<sip:c@example.com>;x="1,2"',
    'sip:d@example.com',
  ]);
  assert.deepEqual(headers.getAll('Subject'), ['a, b']);
  assert.deepEqual(headers.getAll('X-Unknown'), ['a, b']);
  assert.deepEqual(headers.getAll('Route'), []);
});

test('set, prepend, remove and replaceFirst keep the order of the others', () => {
  const headers = new Headers([
    ['A', '1'],
    ['Route', '<sip:p1>, <sip:p2>'],
    ['B', '2'],
    ['Route', '<sip:p3>'],
  ]);
  headers.replaceFirst('Route', undefined);
  assert.deepEqual(headers.getAll('Route'), ['<sip:p2>', '<sip:p3>']);
  headers.replaceFirst('Route', undefined);
  assert.deepEqual(
    [...headers].map(([name]) => name),
    ['A', 'B', 'Route'],
  );
  headers.prepend('Route', '<sip:p0>');
  assert.deepEqual(headers.getAll('Route'), ['<sip:p0>', '<sip:p3>']);
  headers.set('Route', '<sip:p9>');
  assert.deepEqual(
    [...headers],
    [
      ['A', '1'],
      ['B', '2'],
      ['Route', '<sip:p9>'],
    ],
  );
  assert.equal(headers.remove('Route'), true);
  assert.equal(headers.remove('Route'), false);
  assert.equal(headers.size, 2);
});

test('a clone shares nothing', () => {
  const headers = new Headers([['A', '1']]);
  headers.clone().set('A', '2').append('B', '3');
  assert.deepEqual([...headers], [['A', '1']]);
});

test('what was parsed is forgotten when a field changes', () => {
  const headers = new Headers([['Via', 'SIP/2.0/UDP a']]);
  assert.equal(headers.read(via)?.host, 'a');
  headers.prepend('Via', 'SIP/2.0/UDP b');
  assert.equal(headers.read(via)?.host, 'b');
  headers.replaceFirst('Via', 'SIP/2.0/TCP c');
  assert.equal(headers.read(via)?.transport, 'TCP');
});

test('a value never leaves its line', () => {
  const headers = new Headers([['Subject', 'a\r\nInjected: b\r\n\r\nbody']]);
  assert.equal(headers.get('Subject'), 'a Injected: b body');
});

test('every header of the table has a name and a compact form of its own', () => {
  const names = HEADER_FIELDS.map((field) => field.name.toLowerCase());
  const compacts = HEADER_FIELDS.flatMap((field) => field.compact ?? []);
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(compacts).size, compacts.length);
  assert.ok(compacts.every((compact) => /^[a-z]$/.test(compact)));
});

test('Via: transport, sent-by, parameters, and back', () => {
  const text = 'SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx;rport;received=192.0.2.1';
  const result = via.parse(text);
  assert.ok(result.ok);
  assert.equal(result.value.host, '2001:db8::1');
  assert.equal(result.value.port, 5070);
  assert.equal(result.value.parameters.get('RPORT'), '');
  assert.equal(via.format(result.value), text);
  for (const bad of ['', 'SIP/2.0', 'SIP/2.0/UDP', 'SIP/2.0/UDP a:99999', 'SIP/2.0/UDP a b', 'SIP/2.0/UDP [::1', 'x']) {
    assert.equal(via.parse(bad).ok, false, bad);
  }
});

test('name-addr in all its forms', () => {
  const cases: [string, string | undefined, string, string][] = [
    ['<sip:a@b>', undefined, 'sip:a@b', ''],
    ['sip:a@b;tag=x', undefined, 'sip:a@b', ';tag=x'],
    ['<sip:a@b;lr>;tag=x', undefined, 'sip:a@b;lr', ';tag=x'],
    ['Alice B. <sip:a@b>', 'Alice B.', 'sip:a@b', ''],
    ['"Alice, \\"A\\"" <sip:a@b>;tag=x', 'Alice, "A"', 'sip:a@b', ';tag=x'],
    ['""<sip:a@b>', '', 'sip:a@b', ''],
    ['Łukasz <sip:a@b>', 'Łukasz', 'sip:a@b', ''],
    ['<tel:+123>', undefined, 'tel:+123', ''],
  ];
  for (const [text, displayName, uri, parameters] of cases) {
    const result = parseNameAddr(text, 'RFC 3261 20.10');
    assert.ok(result.ok, text);
    assert.equal(result.value.displayName, displayName);
    assert.equal(result.value.uri, uri);
    assert.equal(result.value.parameters.toString(), parameters);
    const again = parseNameAddr(formatNameAddr(result.value), 'RFC 3261 20.10');
    assert.ok(again.ok);
    assert.equal(again.value.displayName, displayName);
  }
  for (const bad of [
    '',
    '<>',
    '<sip:a@b',
    'sip:a@b, sip:c@d',
    '"a" sip:a@b',
    '"a" b <sip:a@b>',
    'a, b <sip:c@d>',
    'a@b',
  ]) {
    assert.equal(parseNameAddr(bad, 'RFC 3261 20.10').ok, false, bad);
  }
});

test('Contact: star, expires and q', () => {
  assert.deepEqual(contact.parse('*'), { ok: true, value: '*' });
  const result = contact.parse('<sip:a@b>;expires=60;q=0.7');
  assert.ok(result.ok && result.value !== '*');
  assert.equal(contactExpires(result.value), 60);
  assert.equal(contactQ(result.value), 0.7);
  const odd = contact.parse('<sip:a@b>;expires=soon;q=7');
  assert.ok(odd.ok && odd.value !== '*');
  assert.equal(contactExpires(odd.value), undefined);
  assert.equal(contactQ(odd.value), 1);
});

test('parameters: flags, quoted values, order; without and with leave the original alone', () => {
  const result = parseHeaderParameters(' ; a ; b = 1;c="x;y";D=[::1]', 'test');
  assert.ok(result.ok);
  const parameters = result.value;
  assert.deepEqual(parameters.entries(), [
    ['a', undefined],
    ['b', '1'],
    ['c', '"x;y"'],
    ['D', '[::1]'],
  ]);
  assert.equal(parameters.get('d'), '[::1]');
  assert.equal(parameters.with('B', '2').without('a').toString(), ';B=2;c="x;y";D=[::1]');
  assert.equal(parameters.toString(), ';a;b=1;c="x;y";D=[::1]');
  assert.equal(parseHeaderParameters(';a;', 'test').ok, true);
  for (const bad of ['a', ';a=', ';;a', ';=1', ';a="', ';a=b c', ';a=<b>']) {
    assert.equal(parseHeaderParameters(bad, 'test').ok, false, bad);
  }
});

test('numbers and warnings', () => {
  assert.deepEqual(expires.parse('3600'), { ok: true, value: 3600 });
  assert.equal(expires.parse('-1').ok, false);
  assert.deepEqual(retryAfter.parse('120 (in a meeting);duration=3600'), { ok: true, value: 120 });
  const text = '399 ims.example.com "media relay \\"R\\" refused"';
  const result = warning.parse(text);
  assert.ok(result.ok);
  assert.deepEqual(result.value, { code: 399, agent: 'ims.example.com', text: 'media relay "R" refused' });
  assert.equal(warning.format(result.value), text);
});

test('a fault in one value of a list is a fault of the list', () => {
  const headers = new Headers([['Route', '<sip:a@b>, <sip:']]);
  assert.equal(headers.readAll(route).ok, false);
  assert.equal(headers.read(route)?.uri, 'sip:a@b');
});

test('a response copies Via, From, To, Call-ID, CSeq, and gets a To tag (8.2.6)', () => {
  const request = incoming({ extra: 'Record-Route: <sip:p;lr>\nTimestamp: 54\nSubject: x\n' });
  const response = createResponse(request, 180, { toTag: 'us', headers: [['Contact', '<sip:us>']] });
  assert.equal(response.reason, 'Ringing');
  assert.deepEqual(
    [...response.headers].map(([name]) => name),
    ['Via', 'Record-Route', 'From', 'To', 'Call-ID', 'CSeq', 'Contact'],
  );
  assert.equal(response.headers.get('To'), '<sip:1002@192.0.2.100>;tag=us');
  const trying = createResponse(request, 100, { toTag: 'us' });
  assert.equal(trying.headers.get('To'), '<sip:1002@192.0.2.100>');
  assert.equal(trying.headers.get('Timestamp'), '54');
  const inDialog = createResponse(incoming({ toTag: 'old' }), 200, { toTag: 'new' });
  assert.equal(inDialog.headers.get('To'), '<sip:1002@192.0.2.100>;tag=old');
  assert.equal(createResponse(request, 404).headers.has('Record-Route'), false);
  assert.equal(createResponse(request, 499).reason, 'Client Error');
});

test('Session-Expires and Min-SE: seconds, and who refreshes (RFC 4028 4, 5)', () => {
  assert.deepEqual(sessionExpires.parse(' 1800 ; x=y ;Refresher=UAS'), {
    ok: true,
    value: { seconds: 1800, refresher: 'uas' },
  });
  assert.deepEqual(sessionExpires.parse('90;refresher=me'), { ok: true, value: { seconds: 90, refresher: undefined } });
  assert.equal(sessionExpires.format({ seconds: 90, refresher: 'uac' }), '90;refresher=uac');
  assert.equal(sessionExpires.format({ seconds: 90, refresher: undefined }), '90');
  assert.deepEqual(new Headers([['x', '120']]).read(sessionExpires), { seconds: 120, refresher: undefined });
  assert.deepEqual(minSe.parse('120;x=y'), { ok: true, value: 120 });
  for (const bad of ['', '-1', 'soon', '1.5', '4294967296', '90 refresher=uac', '90;=']) {
    assert.equal(sessionExpires.parse(bad).ok, false, bad);
  }
  assert.equal(minSe.parse(';120').ok, false);
});

test('Replaces: Call-ID, both tags, what else there is; without both tags it names no dialog (RFC 3891 6.1)', () => {
  const text = '98732@sip.example.com;to-tag=r33th4x0r;from-tag=ff87ff;early-only';
  const value = replaces.parse(' 98732@sip.example.com ;from-tag=ff87ff; early-only ;to-tag=r33th4x0r');
  assert.ok(value.ok);
  assert.equal(replaces.format(value.value), text);
  for (const bad of ['', 'a', ';to-tag=1;from-tag=2', 'a b;to-tag=1;from-tag=2', 'a;to-tag=1', 'a;from-tag=1;to-tag']) {
    assert.equal(replaces.parse(bad).ok, false, bad);
  }
});
