import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { TransactionKey } from '../../../../src/sip/transaction/effects.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import {
  countedIds,
  elapse,
  incoming,
  type RequestParts,
  reparsed,
  sends,
  tcpFlow,
  udpFlow,
  words,
} from '../support.ts';

function start(flow: Flow = udpFlow(), parts: RequestParts = {}) {
  const layer = new TransactionLayer({ ids: countedIds('s') });
  const effects = layer.handleMessage(0, incoming(parts), flow);
  const told = effects.find((effect) => effect.kind === 'request');
  assert.ok(told !== undefined);
  const key: TransactionKey = told.key;
  const respond = (now: number, status: number, toTag = 'us') =>
    layer.respond(now, key, createResponse(told.request, status, { toTag }));
  const receive = (now: number, more: RequestParts = {}) =>
    layer.handleMessage(now, incoming({ ...parts, ...more }), flow);
  return { layer, key, effects, respond, receive };
}

test('a new INVITE is told, and 100 is sent unless the user answers at once', () => {
  const { layer, effects } = start();
  assert.deepEqual(words(effects), ['request INVITE']);
  assert.deepEqual(elapse(layer, 0), ['0 send 100']);
});

test('an INVITE that is refused at once gets no 100', () => {
  const { layer, respond } = start();
  assert.deepEqual(words(respond(0, 407)), ['send 407']);
  assert.deepEqual(elapse(layer, 0), []);
});

test('an INVITE again is answered with the last provisional response, and not told', () => {
  const { layer, respond, receive } = start();
  assert.deepEqual(words(receive(0)), []);
  elapse(layer, 0);
  assert.deepEqual(words(receive(500)), ['send 100']);
  respond(600, 180);
  assert.deepEqual(words(receive(700)), ['send 180']);
  assert.equal(layer.counters.retransmissions, 3);
});

test('a final response is sent again by timer G up to T2, timer H gives up (RFC 3261 17.2.1)', () => {
  const { layer, respond } = start();
  assert.deepEqual(words(respond(0, 486)), ['send 486']);
  assert.deepEqual(elapse(layer, 1e9), [
    '500 send 486',
    '1500 send 486',
    '3500 send 486',
    '7500 send 486',
    '11500 send 486',
    '15500 send 486',
    '19500 send 486',
    '23500 send 486',
    '27500 send 486',
    '31500 send 486',
    '32000 ack-timeout',
    '32000 terminated',
  ]);
  assert.equal(layer.serverCount, 0);
});

test('over a reliable transport the final response is not repeated', () => {
  const { layer, respond } = start(tcpFlow());
  respond(0, 486);
  assert.deepEqual(elapse(layer, 1e9), ['32000 ack-timeout', '32000 terminated']);
});

test('the ACK ends repetition; further ACKs and INVITEs are absorbed until timer I', () => {
  const { layer, respond, receive } = start();
  respond(0, 486);
  assert.deepEqual(words(receive(100)), ['send 486']);
  assert.deepEqual(words(receive(200, { method: 'ACK', toTag: 'us' })), []);
  assert.deepEqual(words(receive(300, { method: 'ACK', toTag: 'us' })), []);
  assert.deepEqual(words(receive(400)), []);
  assert.deepEqual(elapse(layer, 1e9), ['5200 terminated']);
});

test('after a 2xx INVITEs are absorbed, the user may repeat the 2xx, and timer L ends it (RFC 6026 7.1)', () => {
  const { layer, respond, receive } = start();
  assert.deepEqual(words(respond(100, 200)), ['send 200']);
  assert.deepEqual(words(receive(500)), []);
  assert.deepEqual(words(respond(600, 200)), ['send 200']);
  assert.deepEqual(words(respond(700, 486)), []);
  assert.deepEqual(elapse(layer, 1e9), ['32100 terminated']);
  assert.deepEqual(words(respond(32_200, 200)), []);
});

test('the ACK to a 2xx has a branch of its own and is told as a dialog matter', () => {
  const { respond, receive } = start();
  respond(100, 200);
  assert.deepEqual(words(receive(200, { method: 'ACK', toTag: 'us', branch: 'z9hG4bKpeer2' })), ['ack ACK']);
});

test('an ACK to a 2xx that bears the branch of the INVITE is told as well', () => {
  const { respond, receive } = start();
  respond(100, 200);
  assert.deepEqual(words(receive(200, { method: 'ACK', toTag: 'us' })), ['ack ACK']);
});

test('CANCEL is answered 200 and told; the INVITE is left to the user (9.2)', () => {
  const { respond, receive } = start();
  respond(0, 180);
  const effects = receive(100, { method: 'CANCEL' });
  assert.deepEqual(words(effects), ['send 200', 'cancel CANCEL']);
  assert.deepEqual(words(receive(600, { method: 'CANCEL' })), ['send 200'], 'a repetition is not told again');
  assert.deepEqual(words(respond(101, 487)), ['send 487']);
});

test('the 200 to a CANCEL has the To tag that the INVITE was answered with (9.2)', () => {
  const { respond, receive } = start();
  respond(0, 180, 'mine');
  const [answer] = sends(receive(100, { method: 'CANCEL' }));
  assert.ok(answer !== undefined);
  assert.equal(reparsed(answer).headers.get('To'), '<sip:1002@192.0.2.100>;tag=mine');
});

test('CANCEL after the final response is answered 200 and changes nothing', () => {
  const { respond, receive } = start();
  respond(0, 200);
  assert.deepEqual(words(receive(100, { method: 'CANCEL' })), ['send 200']);
});

test('CANCEL for nothing is answered 481', () => {
  const layer = new TransactionLayer({ ids: countedIds() });
  assert.deepEqual(words(layer.handleMessage(0, incoming({ method: 'CANCEL' }), udpFlow())), ['send 481']);
  assert.equal(layer.serverCount, 0, 'nothing is kept of it');
  assert.equal(layer.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('a transport error ends the transaction before a 2xx only', () => {
  const early = start();
  assert.deepEqual(words(early.layer.handleTransportError(10, udpFlow(), 'EPERM', early.key)), [
    'transport-error',
    'terminated',
  ]);
  const answered = start();
  answered.respond(0, 200);
  assert.deepEqual(answered.layer.handleTransportError(10, udpFlow(), 'EPERM', answered.key), []);
});

test('of very many timers due at once each call fires a part, until all are', () => {
  const layer = new TransactionLayer({ ids: countedIds('s') });
  for (let index = 0; index < 2500; index++) {
    const [told] = layer.handleMessage(0, incoming({ branch: `z9hG4bK${index}` }), udpFlow());
    assert.ok(told?.kind === 'request');
    layer.respond(0, told.key, createResponse(told.request, 486, { toTag: 'us' }));
  }
  const fired = [1, 2, 3, 4].map(() => layer.handleTimeout(500).length);
  assert.deepEqual(fired, [1000, 1000, 500, 0]);
});

test('refused, it is answered once and nothing is kept: no repetition, the ACK is no matter of ours', () => {
  for (const method of ['INVITE', 'OPTIONS']) {
    const { layer, key, receive } = start(udpFlow(), { method });
    const refusal = createResponse(incoming({ method }), 407, { toTag: 'us' });
    assert.deepEqual(words(layer.refuse(key, refusal)), ['send 407', 'terminated']);
    assert.equal(layer.serverCount, 0);
    assert.deepEqual(elapse(layer, 1e9), []);
    assert.deepEqual(words(receive(1, { method: 'ACK', toTag: 'us' })), ['ack ACK']);
    assert.deepEqual(words(receive(500)), [`request ${method}`], 'again: a new request, and one answer more');
    assert.deepEqual(words(layer.refuse(key, refusal)), ['send 407', 'terminated']);
    assert.deepEqual(layer.refuse(key, refusal), []);
  }
});
