import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import { countedIds, elapse, outgoing, overTheWire, sentRequest, tcpFlow, udpFlow, words } from '../support.ts';

function start(flow: Flow = udpFlow()) {
  const layer = new TransactionLayer({ ids: countedIds() });
  const { key, effects } = layer.request(0, outgoing({ method: 'OPTIONS' }), flow);
  const sent = sentRequest(effects);
  const answer = (now: number, status: number) =>
    layer.handleMessage(now, overTheWire(createResponse(sent, status, { toTag: 'callee' })), flow);
  return { layer, key, answer };
}

test('retransmits after T1, doubling up to T2, and gives up after 64*T1 (RFC 3261 17.1.2.2, timers E and F)', () => {
  const { layer } = start();
  assert.deepEqual(elapse(layer, 1e9), [
    '500 send OPTIONS',
    '1500 send OPTIONS',
    '3500 send OPTIONS',
    '7500 send OPTIONS',
    '11500 send OPTIONS',
    '15500 send OPTIONS',
    '19500 send OPTIONS',
    '23500 send OPTIONS',
    '27500 send OPTIONS',
    '31500 send OPTIONS',
    '32000 timeout',
    '32000 terminated',
  ]);
});

test('after a provisional response retransmits each T2', () => {
  const { layer, answer } = start();
  assert.deepEqual(words(answer(100, 183)), ['response 183']);
  assert.deepEqual(elapse(layer, 9000), ['500 send OPTIONS', '4500 send OPTIONS', '8500 send OPTIONS']);
});

test('the final response is told once; its repetitions are absorbed until timer K', () => {
  const { layer, answer } = start();
  assert.equal(layer.unansweredCount, 1);
  assert.deepEqual(words(answer(100, 200)), ['response 200']);
  assert.equal(layer.unansweredCount, 0);
  assert.equal(layer.clientCount, 1);
  assert.deepEqual(words(answer(600, 200)), []);
  assert.deepEqual(elapse(layer, 1e9), ['5100 terminated']);
});

test('over a reliable transport nothing is retransmitted and timer K is zero', () => {
  const { layer, answer } = start(tcpFlow());
  assert.equal(layer.nextTimeoutAt(), 32_000);
  answer(100, 200);
  assert.deepEqual(elapse(layer, 100), ['100 terminated']);
});

test('a transport error is told once, and not after the final response', () => {
  const { layer, key, answer } = start();
  answer(100, 200);
  assert.deepEqual(layer.handleTransportError(200, udpFlow(), 'EHOSTUNREACH', key), []);
  const second = start();
  assert.deepEqual(words(second.layer.handleTransportError(1, udpFlow(), 'EHOSTUNREACH', second.key)), [
    'transport-error',
    'terminated',
  ]);
});

test('only an INVITE can be cancelled', () => {
  const { layer, key, answer } = start();
  answer(100, 183);
  assert.deepEqual(layer.cancel(200, key), []);
});
