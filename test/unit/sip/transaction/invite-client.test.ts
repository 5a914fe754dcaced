import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SipRequest } from '../../../../src/sip/message/message.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import { countedIds, elapse, outgoing, overTheWire, sends, sentRequest, tcpFlow, udpFlow, words } from '../support.ts';

function start(flow: Flow = udpFlow(), extra = '') {
  const layer = new TransactionLayer({ ids: countedIds() });
  const { key, effects } = layer.request(0, outgoing({ extra }), flow);
  const sent = sentRequest(effects);
  const answer = (now: number, status: number, toTag = 'callee') =>
    layer.handleMessage(now, overTheWire(createResponse(sent, status, { toTag })), flow);
  return { layer, key, effects, sent, answer };
}

test('puts a Via with a unique branch, our sent-by and rport on top', () => {
  const { sent } = start();
  assert.equal(sent.headers.get('Via'), 'SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKb1;rport');
});

test('leaves the request that it was given as it was', () => {
  const layer = new TransactionLayer({ ids: countedIds() });
  const request = outgoing();
  layer.request(0, request, udpFlow());
  assert.equal(request.headers.has('Via'), false);
});

test('retransmits after T1, doubling, and gives up after 64*T1 (RFC 3261 17.1.1.2, timers A and B)', () => {
  const { layer } = start();
  assert.deepEqual(elapse(layer, 1e9), [
    '500 send INVITE',
    '1500 send INVITE',
    '3500 send INVITE',
    '7500 send INVITE',
    '15500 send INVITE',
    '31500 send INVITE',
    '32000 timeout',
    '32000 terminated',
  ]);
  assert.equal(layer.clientCount, 0);
  assert.equal(layer.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('does not retransmit over a reliable transport, and still gives up', () => {
  const { layer } = start(tcpFlow());
  assert.deepEqual(elapse(layer, 1e9), ['32000 timeout', '32000 terminated']);
});

test('a provisional response ends retransmission; each is told; ringing has no end here', () => {
  const { layer, answer } = start();
  assert.deepEqual(words(answer(100, 100)), ['response 100']);
  assert.deepEqual(words(answer(200, 180)), ['response 180']);
  assert.deepEqual(words(answer(300, 180, 'another-fork')), ['response 180']);
  assert.equal(layer.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('a 2xx is told each time it comes until timer M, the ACK is left to the user (RFC 6026 7.2)', () => {
  const { layer, answer } = start();
  assert.deepEqual(words(answer(1000, 200)), ['response 200']);
  assert.deepEqual(words(answer(1500, 200)), ['response 200']);
  assert.deepEqual(words(answer(2500, 200, 'another-fork')), ['response 200']);
  assert.deepEqual(words(answer(2600, 486)), []);
  assert.deepEqual(elapse(layer, 1e9), ['33000 terminated']);
  assert.deepEqual(words(answer(33_001, 200)), []);
  assert.equal(layer.counters.strayResponses, 1);
});

test('a 300-699 is acknowledged each time and told once, until timer D (17.1.1.2)', () => {
  const { layer, answer } = start();
  assert.deepEqual(words(answer(1000, 486)), ['send ACK', 'response 486']);
  assert.deepEqual(words(answer(1500, 486)), ['send ACK']);
  assert.deepEqual(words(answer(1600, 200)), []);
  assert.deepEqual(elapse(layer, 1e9), ['33000 terminated']);
});

test('over a reliable transport timer D is zero', () => {
  const { layer, answer } = start(tcpFlow());
  answer(1000, 486);
  assert.deepEqual(elapse(layer, 1000), ['1000 terminated']);
});

test('the ACK has the INVITE URI, its only Via, Route and CSeq number, and the response To (17.1.1.3)', () => {
  const { sent, answer } = start(udpFlow(), 'Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\n');
  const ack = sentRequest(answer(1000, 404, 'gone'));
  assert.equal(ack.uri, sent.uri);
  assert.deepEqual(ack.headers.getAll('Via'), sent.headers.getAll('Via'));
  assert.deepEqual(ack.headers.getAll('Route'), ['<sip:p1.example.com;lr>', '<sip:p2.example.com;lr>']);
  assert.equal(ack.headers.get('CSeq'), '1 ACK');
  assert.equal(ack.headers.get('To'), '<sip:1002@192.0.2.100>;tag=gone');
  assert.equal(ack.headers.get('From'), sent.headers.get('From'));
  assert.equal(ack.headers.get('Call-ID'), sent.headers.get('Call-ID'));
});

test('a transport error ends the transaction', () => {
  const { layer, key } = start();
  assert.deepEqual(words(layer.handleTransportError(10, udpFlow(), 'ENETUNREACH', key)), [
    'transport-error',
    'terminated',
  ]);
  assert.equal(layer.clientCount, 0);
});

test('a closed flow ends every transaction on it and no other', () => {
  const layer = new TransactionLayer({ ids: countedIds() });
  const other = { address: '192.0.2.2', port: 5060 };
  layer.request(0, outgoing(), tcpFlow());
  layer.request(0, outgoing({ method: 'OPTIONS' }), tcpFlow());
  layer.request(0, outgoing(), tcpFlow(other));
  assert.deepEqual(words(layer.handleTransportError(1, tcpFlow(), 'closed')), [
    'transport-error',
    'terminated',
    'transport-error',
    'terminated',
  ]);
  assert.equal(layer.clientCount, 1);
});

test('CANCEL after a provisional response goes at once, with the branch of the INVITE (9.1)', () => {
  const { layer, key, sent, answer } = start(udpFlow(), 'Route: <sip:p1.example.com;lr>\n');
  answer(100, 180);
  const effects = layer.cancel(1000, key, [['Reason', 'SIP;cause=200;text="Call completed elsewhere"']]);
  assert.deepEqual(words(effects), ['send CANCEL']);
  const cancel = sentRequest(effects);
  assert.equal(cancel.headers.get('Via'), sent.headers.get('Via'));
  assert.equal(cancel.headers.get('CSeq'), '1 CANCEL');
  assert.equal(cancel.headers.get('To'), '<sip:1002@192.0.2.100>');
  assert.equal(cancel.headers.get('Route'), '<sip:p1.example.com;lr>');
  assert.equal(cancel.headers.get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"');
  assert.deepEqual(layer.cancel(1001, key), [], 'a second one is not sent');
});

test('CANCEL is held back until the first provisional response (9.1)', () => {
  const { layer, key, answer } = start();
  assert.deepEqual(layer.cancel(10, key), []);
  assert.deepEqual(words(answer(700, 100)), ['response 100', 'send CANCEL']);
  assert.deepEqual(words(answer(800, 180)), ['response 180']);
});

test('a held CANCEL is forgotten when the first response is final', () => {
  const { layer, key, answer } = start();
  layer.cancel(10, key);
  assert.deepEqual(words(answer(700, 200)), ['response 200']);
});

test('after a final response there is no CANCEL', () => {
  const { layer, key, answer } = start();
  answer(10, 180);
  answer(20, 200);
  assert.deepEqual(layer.cancel(30, key), []);
});

test('the CANCEL is retransmitted like any request, its outcome is not told', () => {
  const { layer, key, answer } = start();
  answer(0, 180);
  const cancel = sentRequest(layer.cancel(1000, key));
  assert.deepEqual(elapse(layer, 2500), ['1500 send CANCEL', '2500 send CANCEL']);
  const ok = overTheWire(createResponse(cancel, 200, { toTag: 'callee' }));
  assert.deepEqual(layer.handleMessage(2600, ok, udpFlow()), []);
  assert.deepEqual(words(answer(2700, 487)), ['send ACK', 'response 487']);
  elapse(layer, 1e9);
  assert.equal(layer.clientCount, 0);
});

test('a cancelled INVITE without a final response ends 64*T1 after the CANCEL (9.1)', () => {
  const { layer, key, answer } = start();
  answer(0, 180);
  layer.cancel(1000, key);
  const log = elapse(layer, 1e9);
  assert.deepEqual(
    log.filter((line) => !line.endsWith('send CANCEL')),
    ['33000 timeout', '33000 terminated'],
  );
  assert.equal(layer.clientCount, 0);
});

test('a response with another Via under ours is dropped (8.1.3.3)', () => {
  const { layer, sent } = start();
  const response = createResponse(sent as SipRequest, 200, { toTag: 'x' });
  response.headers.append('Via', 'SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKother');
  assert.deepEqual(layer.handleMessage(10, overTheWire(response), udpFlow()), []);
  assert.equal(layer.counters.strayResponses, 1);
});

test('beyond the limit a request fails at once', () => {
  const layer = new TransactionLayer({ ids: countedIds(), maxTransactions: 1 });
  layer.request(0, outgoing(), udpFlow());
  assert.deepEqual(words(layer.request(0, outgoing(), udpFlow()).effects), ['transport-error', 'terminated']);
  assert.equal(layer.clientCount, 1);
});

test('ACK for a 2xx goes outside of transactions; the effect can be issued again', () => {
  const layer = new TransactionLayer({ ids: countedIds() });
  const effects = layer.send(outgoing({ method: 'ACK', toTag: 'callee' }), udpFlow());
  assert.equal(sends(effects).length, 1);
  assert.equal(sentRequest(effects).headers.get('Via'), 'SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKb1;rport');
  assert.equal(layer.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});
