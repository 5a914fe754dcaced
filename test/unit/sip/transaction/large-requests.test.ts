import assert from 'node:assert/strict';
import { test } from 'node:test';
import { via } from '../../../../src/sip/message/headers/via.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { TransactionEffect } from '../../../../src/sip/transaction/effects.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import {
  countedIds,
  elapse,
  outgoing,
  overTheWire,
  PEER,
  sends,
  sentRequest,
  tcpFlow,
  udpFlow,
  words,
} from '../support.ts';

const LARGE = `Subject: ${'x'.repeat(1300)}`;
const AT_ITS_ADDRESS = `sip:1002@${PEER.address}:${PEER.port}`;

function start({ limit = 1300, hasTcp = true } = {}) {
  const layer = new TransactionLayer({
    ids: countedIds(),
    largeRequests: { limitBytes: () => limit, flowTo: (remote) => (hasTcp ? tcpFlow(remote) : undefined) },
  });
  const send = (now: number, parts: Parameters<typeof outgoing>[0] = {}, flow: Flow = udpFlow()) =>
    layer.request(now, outgoing({ uri: AT_ITS_ADDRESS, extra: LARGE, ...parts }), flow);
  return { layer, send };
}

/** `tcp INVITE as TCP`: what carries each request, and what its Via says. */
function carried(effects: readonly TransactionEffect[]): string[] {
  return sends(effects).map((effect, index) => {
    const request = sentRequest(effects, index);
    return `${effect.flow.transport} ${request.method} as ${request.headers.read(via)?.transport}`;
  });
}

test('a request over the limit goes over TCP, and its Via says so (RFC 3261 18.1.1)', () => {
  const { layer, send } = start();
  const { effects } = send(0);
  assert.deepEqual(carried(effects), ['tcp INVITE as TCP']);
  assert.deepEqual(sends(effects)[0]?.flow.remote, PEER);
  assert.deepEqual(elapse(layer, 1e9), ['32000 timeout', '32000 terminated'], 'and is not repeated');
});

test('one of exactly the limit goes over UDP, as all do when the limit is 0', () => {
  const size = sends(start({ limit: 0 }).send(0).effects)[0]?.bytes.length ?? 0;
  assert.ok(size > 1300);
  assert.deepEqual(carried(start({ limit: 0 }).send(0).effects), ['udp INVITE as UDP']);
  assert.deepEqual(carried(start({ limit: size }).send(0).effects), ['udp INVITE as UDP']);
  assert.deepEqual(carried(start({ limit: size - 1 }).send(0).effects), ['tcp INVITE as TCP']);
  assert.deepEqual(carried(start({ hasTcp: false }).send(0).effects), ['udp INVITE as UDP']);
});

test('a phone behind a NAT, whose Contact is not where its messages come from, is reached by its flow alone', () => {
  const { send } = start();
  for (const uri of [
    'sip:1002@10.0.0.7:5062',
    `sip:1002@${PEER.address}`,
    `sip:1002@${PEER.address}:5099`,
    'sip:1002@phone.example:5062',
    `sips:1002@${PEER.address}:${PEER.port}`,
    'tel:+4930123',
  ]) {
    assert.deepEqual(carried(send(0, { uri }).effects), ['udp INVITE as UDP'], uri);
  }
});

test('behind a proxy (RFC 3327) it is the first Route that counts', () => {
  const { send } = start();
  const route = (uri: string) => `Route: <${uri};lr>, <sip:further.example;lr>\n${LARGE}`;
  const uri = 'sip:1002@10.0.0.7';
  assert.deepEqual(carried(send(0, { uri, extra: route(AT_ITS_ADDRESS) }).effects), ['tcp INVITE as TCP']);
  assert.deepEqual(carried(send(0, { extra: route('sip:192.0.2.77') }).effects), ['udp INVITE as UDP']);
});

test('without a connection it goes over UDP: same transaction, same branch, and the user hears nothing of it', () => {
  for (const method of ['INVITE', 'MESSAGE']) {
    const { layer, send } = start();
    const { key, effects } = send(0, { method });
    const [flow] = sends(effects).map((effect) => effect.flow);
    assert.ok(flow);
    const again = layer.handleTransportError(700, flow, 'ECONNREFUSED', key);
    assert.deepEqual(words(again), [`send ${method}`]);
    assert.deepEqual(carried(again), [`udp ${method} as UDP`]);
    const branch = (all: readonly TransactionEffect[]) => sentRequest(all).headers.read(via)?.parameters.get('branch');
    assert.equal(branch(again), branch(effects));
    // The connection's end is told after that of what was written to it: this is another flow now.
    assert.deepEqual(layer.handleTransportError(700, flow, 'ECONNREFUSED'), []);
    assert.deepEqual(layer.handleTransportError(700, flow, 'ECONNREFUSED', key), []);
    assert.deepEqual(elapse(layer, 1200), [`1200 send ${method}`], 'timer A or E from then on');
    const answer = overTheWire(createResponse(sentRequest(again), 200, { toTag: 'callee' }));
    const [response, ...others] = layer.handleMessage(1300, answer, udpFlow());
    assert.ok(response?.kind === 'response' && response.key === key && response.flow.transport === 'udp');
    assert.deepEqual(others, []);
    assert.equal(layer.clientCount, 1);
  }
});

test('over UDP it can fail like any other', () => {
  const { layer, send } = start();
  const { key, effects } = send(0);
  layer.handleTransportError(10, sends(effects)[0]?.flow ?? udpFlow(), 'ECONNREFUSED', key);
  const failed = layer.handleTransportError(20, udpFlow(), 'ENETUNREACH', key);
  assert.deepEqual(words(failed), ['transport-error', 'terminated']);
  assert.equal(layer.clientCount, 0);
});

test('a peer without TCP is not asked again for ten minutes; another one is', () => {
  const { layer, send } = start();
  const { key, effects } = send(0);
  layer.handleTransportError(0, sends(effects)[0]?.flow ?? udpFlow(), 'ECONNREFUSED', key);
  assert.deepEqual(carried(send(599_999).effects), ['udp INVITE as UDP']);
  const other = { address: '192.0.2.9', port: 5060 };
  assert.deepEqual(carried(send(1, { uri: 'sip:1003@192.0.2.9' }, udpFlow(other)).effects), ['tcp INVITE as TCP']);
  assert.deepEqual(carried(send(600_000).effects), ['tcp INVITE as TCP']);
});

test('what was answered is not sent twice when its connection breaks', () => {
  const { layer, send } = start();
  const { key, effects } = send(0);
  const flow = sends(effects)[0]?.flow ?? udpFlow();
  layer.handleMessage(100, overTheWire(createResponse(sentRequest(effects), 180, { toTag: 'callee' })), flow);
  assert.deepEqual(words(layer.handleTransportError(200, flow, 'ECONNRESET', key)), ['transport-error', 'terminated']);
});

test('a CANCEL and the ACK of a refusal go the way of their INVITE', () => {
  const { layer, send } = start();
  const { key, effects } = send(0);
  const flow = sends(effects)[0]?.flow ?? udpFlow();
  const answer = (status: number) =>
    layer.handleMessage(100, overTheWire(createResponse(sentRequest(effects), status, { toTag: 'callee' })), flow);
  answer(180);
  assert.deepEqual(carried(layer.cancel(150, key)), ['tcp CANCEL as TCP']);
  assert.deepEqual(carried(answer(487)), ['tcp ACK as TCP']);
});

test('a CANCEL that waited for the first answer is sent after the change to UDP, over UDP', () => {
  const { layer, send } = start();
  const { key, effects } = send(0);
  assert.deepEqual(layer.cancel(10, key), []);
  const again = layer.handleTransportError(20, sends(effects)[0]?.flow ?? udpFlow(), 'ETIMEDOUT', key);
  const ringing = overTheWire(createResponse(sentRequest(again), 180, { toTag: 'callee' }));
  assert.deepEqual(carried(layer.handleMessage(30, ringing, udpFlow())), ['udp CANCEL as UDP']);
});
