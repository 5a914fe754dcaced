import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageRing } from '../../../../src/io/sip/message-ring.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';

const FLOW: Flow = {
  transport: 'udp',
  local: { address: '192.0.2.1', port: 5060 },
  remote: { address: '192.0.2.7', port: 5062 },
  sentBy: { address: '192.0.2.1', port: 5060 },
};

function request(callId: string, body = ''): Uint8Array {
  const head = [
    'OPTIONS sip:192.0.2.1 SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1',
    'From: <sip:a@192.0.2.7>;tag=1',
    'To: <sip:b@192.0.2.1>',
    `Call-ID: ${callId}`,
    'CSeq: 1 OPTIONS',
    `Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const idsOf = (ring: MessageRing, call?: string) => ring.messages(call).map(({ callId }) => callId);

test('both legs of a call are told by either Call-ID, by the id of its record, and by the relay’s Call-ID of any branch', () => {
  const ring = new MessageRing(100);
  ring.note(1000, false, request('caller'), FLOW);
  ring.note(1001, true, request('callee'), FLOW);
  ring.note(1002, true, request('another'), FLOW);
  ring.join('caller', ['record', 'callee']);
  for (const name of ['caller', 'callee', 'record', 'c%61ller~record', 'caller~record.1', 'caller~record.1.m2']) {
    assert.deepEqual(idsOf(ring, name), ['caller', 'callee'], name);
  }
  assert.deepEqual(idsOf(ring), ['caller', 'callee', 'another']);
  assert.deepEqual(idsOf(ring, 'nobody'), []);
  assert.deepEqual(idsOf(ring, 'caller~nobody.1'), []);
  const [first] = ring.messages('callee');
  assert.deepEqual([first?.at, first?.direction, first?.remote], [1000, 'received', '192.0.2.7:5062']);
});

test('it keeps the newest messages, a copy of each, and no more bytes than it may', () => {
  const ring = new MessageRing(3);
  const bytes = request('1');
  ring.note(1, false, bytes, FLOW);
  bytes.fill(0);
  assert.deepEqual(idsOf(ring), ['1']);
  for (const number of [2, 3, 4]) {
    ring.note(number, false, request(`${number}`), FLOW);
    ring.join(`${number}`, [`leg ${number}`]);
  }
  assert.deepEqual(idsOf(ring), ['2', '3', '4']);
  const large = new MessageRing(1000);
  for (let number = 1; number <= 300; number += 1) {
    large.note(number, false, request(`${number}`, 'x'.repeat(60_000)), FLOW);
  }
  const told = idsOf(large);
  assert.ok(told.length > 5 && told.length < 30, `an answer holds ${told.length} messages of 60 kB`);
  assert.equal(told.at(-1), '300');
});

test('with no room it keeps nothing, and what is no message is not told', () => {
  const none = new MessageRing(0);
  none.note(1, false, request('1'), FLOW);
  none.join('1', ['2']);
  assert.deepEqual(none.messages(), []);
  const ring = new MessageRing(10);
  ring.note(1, false, Buffer.from('no SIP at all'), FLOW);
  assert.deepEqual(ring.messages(), []);
});

test('since: from where the last answer left off, the oldest first; what was forgotten meanwhile is counted', () => {
  const ring = new MessageRing(3);
  const all = () => true;
  assert.deepEqual(ring.since(0, all), { messages: [], next: 0, more: false, dropped: 0 });
  ring.note(1, false, request('1'), FLOW);
  ring.note(2, true, request('2'), FLOW);
  const first = ring.since(0, all);
  assert.deepEqual([first.messages.map(({ callId }) => callId), first.next, first.dropped], [['1', '2'], 2, 0]);
  assert.deepEqual(ring.since(first.next, all), { messages: [], next: 2, more: false, dropped: 0 });
  for (const number of [3, 4, 5, 6]) {
    ring.note(number, false, request(`${number}`), FLOW);
  }
  const second = ring.since(first.next, ({ callId }) => callId !== '5');
  assert.deepEqual([second.messages.map(({ callId }) => callId), second.next, second.dropped], [['4', '6'], 6, 1]);
});

test('an answer is never longer than a reader of the control socket may leave unread, whatever the messages hold', () => {
  const ring = new MessageRing(2000);
  for (let number = 1; number <= 2000; number += 1) {
    ring.note(number, false, request(`${number}`, '\u0001'.repeat(700)), FLOW);
  }
  const limit = 1 << 20;
  const newest = ring.messages();
  assert.ok(JSON.stringify(newest).length < limit);
  assert.equal(newest.at(-1)?.callId, '2000');
  let [next, told, more] = [0, 0, true];
  while (more) {
    const answer = ring.since(next, () => true);
    // The rest of the line is for media.
    assert.ok(JSON.stringify(answer.messages).length < limit / 2);
    ({ next, more } = answer);
    told += answer.messages.length;
  }
  assert.equal(told, 2000);
});

test('of a socket on all addresses the one is told that the party sends to', () => {
  const ring = new MessageRing(1);
  ring.note(1, false, request('1'), { ...FLOW, local: { address: '0.0.0.0', port: 5060 } });
  assert.equal(ring.messages()[0]?.local, '192.0.2.1:5060');
});
