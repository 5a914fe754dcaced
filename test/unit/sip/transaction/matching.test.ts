import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { TransactionEffect } from '../../../../src/sip/transaction/effects.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import { countedIds, elapse, incoming, type RequestParts, reparsed, sends, udpFlow, words } from '../support.ts';

const OLD_VIA = 'SIP/2.0/UDP 192.0.2.1:5062';

function layerWith(parts: RequestParts) {
  const layer = new TransactionLayer({ ids: countedIds('s') });
  const [told] = layer.handleMessage(0, incoming(parts), udpFlow());
  assert.ok(told?.kind === 'request');
  const respond = (status: number, toTag = 'us') =>
    layer.respond(0, told.key, createResponse(told.request, status, { toTag }));
  return { layer, respond, told };
}

test('the same branch from another sent-by is another transaction (RFC 3261 17.2.3)', () => {
  const { layer } = layerWith({});
  const other = incoming({ via: 'SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKpeer1' });
  assert.deepEqual(words(layer.handleMessage(1, other, udpFlow())), ['request INVITE']);
});

test('the same branch with another method is another transaction', () => {
  const { layer } = layerWith({});
  assert.deepEqual(words(layer.handleMessage(1, incoming({ method: 'BYE' }), udpFlow())), ['request BYE']);
});

test('without the magic cookie URI, tags, Call-ID, CSeq and Via identify a repetition', () => {
  const { layer } = layerWith({ via: OLD_VIA });
  assert.deepEqual(words(layer.handleMessage(1, incoming({ via: OLD_VIA }), udpFlow())), []);
  for (const change of [
    { uri: 'sip:1003@192.0.2.100' },
    { fromTag: 'other' },
    { callId: 'other' },
    { cseq: 2 },
    { via: 'SIP/2.0/UDP 192.0.2.1:5063' },
  ]) {
    assert.deepEqual(words(layer.handleMessage(1, incoming({ via: OLD_VIA, ...change }), udpFlow())), [
      'request INVITE',
    ]);
  }
});

test('a branch that is the bare cookie is no unique branch (RFC 4475 3.2.1)', () => {
  const via = 'SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK';
  const { layer } = layerWith({ via });
  assert.deepEqual(words(layer.handleMessage(1, incoming({ via, callId: 'other' }), udpFlow())), ['request INVITE']);
});

test('without the cookie an ACK matches by the To tag of our response', () => {
  const { layer, respond } = layerWith({ via: OLD_VIA });
  respond(486);
  const foreign = incoming({ via: OLD_VIA, method: 'ACK', toTag: 'someone-else' });
  assert.deepEqual(words(layer.handleMessage(1, foreign, udpFlow())), ['ack ACK']);
  const ours = incoming({ via: OLD_VIA, method: 'ACK', toTag: 'us' });
  assert.deepEqual(words(layer.handleMessage(1, ours, udpFlow())), []);
});

test('without the cookie a CANCEL finds its INVITE', () => {
  const { layer } = layerWith({ via: OLD_VIA });
  const cancel = incoming({ via: OLD_VIA, method: 'CANCEL' });
  assert.deepEqual(words(layer.handleMessage(1, cancel, udpFlow())), ['send 200', 'cancel CANCEL']);
});

test('parts of an old identity cannot be shifted into each other', () => {
  const { layer } = layerWith({ via: OLD_VIA, fromTag: 'a', callId: 'b1:c' });
  const shifted = incoming({ via: OLD_VIA, fromTag: 'a1:b1', callId: 'c' });
  assert.deepEqual(words(layer.handleMessage(1, shifted, udpFlow())), ['request INVITE']);
});

test('with rport the response goes to the source port, with received and rport filled in (RFC 3581 4)', () => {
  const flow = udpFlow({ address: '203.0.113.9', port: 41_000 });
  const layer = new TransactionLayer({ ids: countedIds('s') });
  const [told] = layer.handleMessage(0, incoming(), flow);
  assert.ok(told?.kind === 'request');
  const [sent] = sends(layer.respond(0, told.key, createResponse(told.request, 200, { toTag: 'us' })));
  assert.ok(sent !== undefined);
  assert.deepEqual(sent.flow.remote, { address: '203.0.113.9', port: 41_000 });
  assert.equal(
    reparsed(sent).headers.get('Via'),
    'SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKpeer1;rport=41000;received=203.0.113.9',
  );
});

test('without rport the response goes to the source address and the port of the sent-by (RFC 3261 18.2.2)', () => {
  const flow = udpFlow({ address: '203.0.113.9', port: 41_000 });
  for (const [sentBy, port] of [
    ['phone.example.com:5070', 5070],
    ['phone.example.com', 5060],
    ['phone.example.com:0', 41_000],
  ] as const) {
    const layer = new TransactionLayer({ ids: countedIds('s') });
    const via = `SIP/2.0/UDP ${sentBy};branch=z9hG4bKx;maddr=192.0.2.66;received=192.0.2.67`;
    const [told] = layer.handleMessage(0, incoming({ via }), flow);
    assert.ok(told?.kind === 'request');
    const [sent] = sends(layer.respond(0, told.key, createResponse(told.request, 200, { toTag: 'us' })));
    assert.deepEqual(sent?.flow.remote, { address: '203.0.113.9', port });
    assert.match(told.request.headers.get('Via') ?? '', /;received=203\.0\.113\.9$/);
  }
});

test('beyond the limit a new request gets 503 with Retry-After and leaves nothing behind', () => {
  const layer = new TransactionLayer({ ids: countedIds('s'), maxTransactions: 1 });
  layer.handleMessage(0, incoming(), udpFlow());
  const effects = layer.handleMessage(0, incoming({ branch: 'z9hG4bKpeer2', method: 'OPTIONS' }), udpFlow());
  assert.deepEqual(words(effects), ['send 503']);
  const [sent] = sends(effects);
  assert.ok(sent !== undefined);
  assert.equal(reparsed(sent).headers.get('Retry-After'), '5');
  assert.equal(layer.serverCount, 1);
  assert.equal(layer.counters.overload, 1);
  assert.deepEqual(words(layer.handleMessage(0, incoming(), udpFlow())), [], 'repetitions are still absorbed');
});

test('the last fifth is kept for what belongs to a dialog, and for CANCEL', () => {
  const layer = new TransactionLayer({ ids: countedIds('s'), maxTransactions: 10 });
  const take = (parts: RequestParts) => words(layer.handleMessage(0, incoming(parts), udpFlow()));
  for (let index = 0; index < 8; index++) {
    assert.deepEqual(take({ branch: `z9hG4bK${index}` }), ['request INVITE']);
  }
  assert.deepEqual(take({ branch: 'z9hG4bKnew' }), ['send 503']);
  assert.deepEqual(take({ branch: 'z9hG4bKbye', method: 'BYE', toTag: 'us' }), ['request BYE']);
  assert.deepEqual(take({ branch: 'z9hG4bK0', method: 'CANCEL' }), ['send 200', 'cancel CANCEL']);
  assert.deepEqual(take({ branch: 'z9hG4bKlate', method: 'BYE', toTag: 'us' }), ['request BYE'], 'for the CANCEL');
  assert.deepEqual(take({ branch: 'z9hG4bKlater', method: 'BYE', toTag: 'us' }), ['send 503']);
});

test('where there is no room the one that was answered longest ago goes before its timer J; an INVITE never does', () => {
  const layer = new TransactionLayer({ ids: countedIds('s'), maxTransactions: 5 });
  const take = (index: number, method: string) =>
    layer.handleMessage(index, incoming({ branch: `z9hG4bK${index}`, method }), udpFlow());
  const answer = (now: number, effects: TransactionEffect[]) => {
    const told = effects.find((effect) => effect.kind === 'request');
    assert.ok(told !== undefined);
    layer.respond(now, told.key, createResponse(told.request, 200, { toTag: 'us' }));
    return told.key;
  };
  answer(0, take(0, 'INVITE'));
  const [first] = [answer(1, take(1, 'REGISTER')), answer(2, take(2, 'REGISTER')), take(3, 'REGISTER')];
  assert.equal(layer.serverCount, 4);
  const fifth = take(4, 'REGISTER');
  assert.deepEqual(words(fifth), ['terminated', 'request REGISTER']);
  assert.deepEqual(fifth[0], { kind: 'terminated', key: first });
  assert.deepEqual(words(take(2, 'REGISTER')), ['send 200'], 'the younger one still repeats its answer');
  assert.deepEqual(words(take(5, 'REGISTER')), ['terminated', 'request REGISTER']);
  assert.deepEqual(words(take(6, 'REGISTER')), ['send 503'], 'nobody else has been answered but the INVITE');
  assert.deepEqual(words(take(0, 'INVITE')), []);
  assert.deepEqual([layer.serverCount, layer.counters.overload], [4, 1]);
  elapse(layer, 1e9);
  assert.equal(layer.serverCount, 0);
});
