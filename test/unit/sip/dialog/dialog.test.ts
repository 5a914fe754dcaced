import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerRetransmission } from '../../../../src/sip/dialog/answer-retransmission.ts';
import { Dialog } from '../../../../src/sip/dialog/dialog.ts';
import { nextHop } from '../../../../src/sip/dialog/next-hop.ts';
import type { SipRequest, SipResponse } from '../../../../src/sip/message/message.ts';
import { Parameters } from '../../../../src/sip/message/parameters.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import { incoming, PEER, tcpFlow, udpFlow } from '../support.ts';

const CONTACT = 'Contact: <sip:1001@192.0.2.1:5062>';

function uac(): Dialog {
  const address = (uri: string) => ({ displayName: undefined, uri, parameters: Parameters.none });
  return Dialog.asUac({
    callId: 'ours',
    localTag: 'us',
    local: address('sip:1001@ims'),
    remote: address('sip:1002@ims'),
    target: 'sip:1002@192.0.2.1:5062',
    flow: udpFlow(),
  });
}

function responseTo(request: SipRequest, status: number, toTag: string, ...headers: [string, string][]): SipResponse {
  return createResponse(request, status, { toTag, headers });
}

test('as UAS: tags swapped, route set in order, target from Contact (RFC 3261 12.1.1)', () => {
  const invite = incoming({ extra: `Record-Route: <sip:p2;lr>, <sip:p1;lr>\n${CONTACT}` });
  const dialog = Dialog.asUas(invite, 'us', udpFlow());
  const bye = dialog.createRequest('BYE');
  assert.equal(bye.uri, 'sip:1001@192.0.2.1:5062');
  assert.deepEqual(bye.headers.getAll('Route'), ['<sip:p2;lr>', '<sip:p1;lr>']);
  assert.equal(bye.headers.get('From'), '<sip:1002@192.0.2.100>;tag=us');
  assert.equal(bye.headers.get('To'), '<sip:1001@192.0.2.100>;tag=from1');
  assert.equal(bye.headers.get('Call-ID'), 'call1@192.0.2.1');
  assert.equal(bye.headers.get('CSeq'), '1 BYE');
  assert.equal(dialog.createRequest('BYE').headers.get('CSeq'), '2 BYE');
});

test('after an INVITE that was too large for UDP the next request goes over UDP, unless the Contact wants TCP', () => {
  for (const [contact, transport] of [
    ['<sip:1002@192.0.2.1:5062>', 'udp'],
    ['<sip:1002@192.0.2.1:5062;transport=TCP>', 'tcp'],
  ] as const) {
    const dialog = uac();
    const answer = responseTo(dialog.createRequest('INVITE'), 200, 'callee', ['Contact', contact]);
    dialog.update(answer, { ...tcpFlow(), insteadOf: udpFlow() });
    assert.equal(dialog.nextHop().transport, transport);
    assert.equal(dialog.nextHop().insteadOf, undefined);
  }
});

test('as UAC: the response gives tag, target and the route set in reverse (RFC 3261 12.1.2)', () => {
  const dialog = uac();
  const invite = dialog.createRequest('INVITE');
  assert.equal(invite.headers.get('To'), '<sip:1002@ims>');
  dialog.update(responseTo(invite, 180, 'early', ['Contact', '<sip:e@192.0.2.7>']), udpFlow());
  assert.equal(dialog.remoteTag, 'early');
  const ok = responseTo(
    invite,
    200,
    'final',
    ['Record-Route', '<sip:p1;lr>, <sip:p2;lr>'],
    ['Contact', '<sip:f@192.0.2.8>'],
  );
  dialog.update(ok, udpFlow());
  const ack = dialog.createRequest('ACK', { cseq: dialog.localCseq });
  assert.equal(ack.headers.get('CSeq'), '1 ACK');
  assert.equal(ack.headers.get('To'), '<sip:1002@ims>;tag=final');
  assert.deepEqual(ack.headers.getAll('Route'), ['<sip:p2;lr>', '<sip:p1;lr>']);
  assert.equal(ack.uri, 'sip:f@192.0.2.8');
});

test('a strict router gets the Request-URI, the target goes to the end of the route (RFC 3261 12.2.1.1)', () => {
  const invite = incoming({ extra: `Record-Route: <sip:strict>, <sip:p1;lr>\n${CONTACT}` });
  const bye = Dialog.asUas(invite, 'us', udpFlow()).createRequest('BYE');
  assert.equal(bye.uri, 'sip:strict');
  assert.deepEqual(bye.headers.getAll('Route'), ['<sip:p1;lr>', '<sip:1001@192.0.2.1:5062>']);
});

test('a provisional response without a tag makes no dialog', () => {
  const dialog = uac();
  const response = createResponse(dialog.createRequest('INVITE'), 180);
  dialog.update(response, udpFlow());
  assert.equal(dialog.isEstablished, false);
});

test('a 2xx without a tag does: the peer is of RFC 2543', () => {
  const dialog = uac();
  const response = createResponse(dialog.createRequest('INVITE'), 200);
  response.headers.remove('To');
  response.headers.append('To', '<sip:1002@ims>');
  dialog.update(response, udpFlow());
  assert.equal(dialog.isEstablished, true);
  assert.equal(dialog.createRequest('BYE').headers.get('To'), '<sip:1002@ims>');
});

test('a Contact that is no SIP URI moves nothing', () => {
  const dialog = uac();
  dialog.refresh(incoming({ extra: 'Contact: <tel:+491234>' }), udpFlow());
  assert.equal(dialog.createRequest('BYE').uri, 'sip:1002@192.0.2.1:5062');
});

test('CSeq must grow (RFC 3261 12.2.2)', () => {
  const dialog = Dialog.asUas(incoming({ cseq: 10 }), 'us', udpFlow());
  assert.equal(dialog.acceptCseq(10), false);
  assert.equal(dialog.acceptCseq(9), false);
  assert.equal(dialog.acceptCseq(12), true);
  assert.equal(dialog.acceptCseq(11), false);
});

test('a refresh moves the target; a fork leaves the first dialog as it was', () => {
  const dialog = uac();
  const invite = dialog.createRequest('INVITE');
  dialog.update(responseTo(invite, 200, 'one', ['Contact', '<sip:one@192.0.2.8>']), udpFlow());
  const other = dialog.fork(responseTo(invite, 200, 'two', ['Contact', '<sip:two@192.0.2.9>']), udpFlow());
  assert.equal(other.createRequest('BYE').headers.get('To'), '<sip:1002@ims>;tag=two');
  assert.equal(dialog.createRequest('BYE').uri, 'sip:one@192.0.2.8');
  dialog.refresh(incoming({ extra: 'Contact: <sip:moved@192.0.2.10>' }), udpFlow());
  assert.equal(dialog.createRequest('BYE').uri, 'sip:moved@192.0.2.10');
});

const hops: readonly (readonly [
  what: string,
  target: string,
  symmetric: boolean,
  isRoute: boolean,
  expected: string,
])[] = [
  ['the target is the source', 'sip:x@192.0.2.1:5062', true, false, '192.0.2.1:5062'],
  ['another port of the source, symmetric', 'sip:x@192.0.2.1:9999', true, false, '192.0.2.1:5062'],
  ['another port of the source, not symmetric', 'sip:x@192.0.2.1:9999', false, false, '192.0.2.1:9999'],
  ['a private address behind a NAT', 'sip:x@192.168.1.9', true, false, '192.0.2.1:5062'],
  ['a loopback address', 'sip:x@127.0.0.1', true, false, '192.0.2.1:5062'],
  ['another public address', 'sip:x@198.51.100.3', true, false, '198.51.100.3:5060'],
  ['a name', 'sip:x@phone.example', true, false, '192.0.2.1:5062'],
  ['another family', 'sip:x@[2001:db8::1]', true, false, '192.0.2.1:5062'],
  ['a private proxy in the route set', 'sip:10.0.0.5:5070;lr', true, true, '10.0.0.5:5070'],
  ['a route to this machine', 'sip:127.0.0.1:22;lr', true, true, '192.0.2.1:5062'],
  ['a multicast route', 'sip:224.0.1.75;lr', true, true, '192.0.2.1:5062'],
  ['a multicast target', 'sip:x@224.0.1.75', true, false, '192.0.2.1:5062'],
  ['the null address', 'sip:x@0.0.0.0', true, false, '192.0.2.1:5062'],
  ['no SIP URI', 'tel:+491234', true, false, '192.0.2.1:5062'],
];

for (const [what, target, symmetric, isRoute, expected] of hops) {
  test(`next hop: ${what}`, () => {
    const { remote } = nextHop(udpFlow(PEER), target, { symmetric, isRoute });
    assert.equal(`${remote.address}:${remote.port}`, expected);
  });
}

for (const [target, listens] of [
  ['sip:x@192.0.2.1:5070', 5070],
  ['sip:x@192.0.2.1', 5060],
  ['sips:x@192.0.2.1', 5061],
  ['sip:x@10.0.0.1:5070', undefined],
] as const) {
  test(`next hop over a connection: the connection itself, and ${listens ?? 'nothing'} after it for ${target}`, () => {
    const hop = nextHop(tcpFlow(PEER), target, { symmetric: false, isRoute: false });
    assert.deepEqual(hop.remote, PEER);
    assert.equal(hop.listens?.port, listens);
  });
}

test('a 2xx is repeated after T1, doubling up to T2, and given up after 64*T1 (RFC 3261 13.3.1.4)', () => {
  const answer = new AnswerRetransmission(0);
  const log: string[] = [];
  for (let at = answer.nextTimeoutAt(); ; at = answer.nextTimeoutAt()) {
    const verdict = answer.handleTimeout(at);
    log.push(`${at} ${verdict}`);
    if (verdict === 'give-up') {
      break;
    }
  }
  assert.deepEqual(log, [
    '500 retransmit',
    '1500 retransmit',
    '3500 retransmit',
    '7500 retransmit',
    '11500 retransmit',
    '15500 retransmit',
    '19500 retransmit',
    '23500 retransmit',
    '27500 retransmit',
    '31500 retransmit',
    '32000 give-up',
  ]);
});
