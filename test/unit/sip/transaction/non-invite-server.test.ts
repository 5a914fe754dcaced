import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import { countedIds, elapse, incoming, tcpFlow, udpFlow, words } from '../support.ts';

function start(flow: Flow = udpFlow()) {
  const layer = new TransactionLayer({ ids: countedIds('s') });
  const [told] = layer.handleMessage(0, incoming({ method: 'OPTIONS' }), flow);
  assert.ok(told?.kind === 'request');
  const respond = (now: number, status: number) =>
    layer.respond(now, told.key, createResponse(told.request, status, { toTag: 'us' }));
  const again = (now: number) => layer.handleMessage(now, incoming({ method: 'OPTIONS' }), flow);
  return { layer, key: told.key, respond, again };
}

test('before an answer a request again is absorbed without one (RFC 3261 17.2.2)', () => {
  const { again } = start();
  assert.deepEqual(words(again(500)), []);
});

test('the last response answers a request again, until timer J', () => {
  const { layer, respond, again } = start();
  assert.deepEqual(words(respond(100, 183)), ['send 183']);
  assert.deepEqual(words(again(500)), ['send 183']);
  assert.deepEqual(words(respond(600, 200)), ['send 200']);
  assert.deepEqual(words(again(1500)), ['send 200']);
  assert.deepEqual(words(respond(1600, 500)), []);
  assert.deepEqual(elapse(layer, 1e9), ['32600 terminated']);
});

test('over a reliable transport timer J is zero', () => {
  const { layer, respond } = start(tcpFlow());
  respond(100, 200);
  assert.deepEqual(elapse(layer, 100), ['100 terminated']);
});

test('a request that the user never answers does not stay for ever', () => {
  const { layer } = start();
  assert.deepEqual(elapse(layer, 1e9), ['32000 terminated']);
  assert.equal(layer.serverCount, 0);
});

test('a transport error ends it', () => {
  const { layer, key } = start();
  assert.deepEqual(words(layer.handleTransportError(1, udpFlow(), 'EPERM', key)), ['transport-error', 'terminated']);
});
