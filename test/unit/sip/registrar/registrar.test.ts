import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatUri, parseUri } from '../../../../src/sip/message/uri.ts';
import type { RegisterOutcome, RequestedBinding } from '../../../../src/sip/registrar/binding.ts';
import { Registrar } from '../../../../src/sip/registrar/registrar.ts';
import { tcpFlow, udpFlow } from '../support.ts';

const OPTIONS = { minExpiresSeconds: 60, maxExpiresSeconds: 3600, maxBindingsPerAor: 3 };

function contact(uri: string, extra: Partial<RequestedBinding> = {}): RequestedBinding {
  const parsed = parseUri(uri);
  assert.ok(parsed.ok);
  return { uri: parsed.value, params: '', q: 1, expires: undefined, instance: undefined, ...extra };
}

function register(
  registrar: Registrar,
  now: number,
  contacts: readonly RequestedBinding[] | '*',
  extra: { callId?: string; cseq?: number; expires?: number } = {},
): RegisterOutcome {
  const { callId = 'c1', cseq = 1, expires } = extra;
  return registrar.register(now, { aor: 'alice', callId, cseq, contacts, expires, flow: udpFlow() });
}

function uris(registrar: Registrar, now: number): string[] {
  return registrar.lookup(now, 'alice').map(({ uri }) => formatUri(uri));
}

test('a binding lasts as long as Contact says, else Expires, else an hour, never longer than the maximum', () => {
  const cases: readonly [contactExpires: number | undefined, expires: number | undefined, seconds: number][] = [
    [120, 300, 120],
    [undefined, 300, 300],
    [undefined, undefined, 3600],
    [999_999, undefined, 3600],
  ];
  for (const [contactExpires, expires, seconds] of cases) {
    const registrar = new Registrar(OPTIONS);
    register(registrar, 0, [contact('sip:a@h', { expires: contactExpires })], expires === undefined ? {} : { expires });
    assert.equal(registrar.nextTimeoutAt(), seconds * 1000);
    assert.equal(uris(registrar, seconds * 1000 - 1).length, 1);
    assert.equal(uris(registrar, seconds * 1000).length, 0);
    assert.deepEqual(
      registrar.handleTimeout(seconds * 1000).map((event) => event.kind === 'unregistered' && event.reason),
      ['expired'],
    );
    assert.equal(registrar.size, 0);
    assert.equal(registrar.nextTimeoutAt(), Number.POSITIVE_INFINITY);
  }
});

test('too brief: 423, and nothing changes', () => {
  const registrar = new Registrar(OPTIONS);
  assert.deepEqual(register(registrar, 0, [contact('sip:a@h', { expires: 59 })]), { status: 423, minExpires: 60 });
  assert.equal(registrar.size, 0);
});

test('several devices, the preferred first, and of equals the last to register', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:a@h1', { q: 0.5 })], { callId: 'c1' });
  register(registrar, 0, [contact('sip:a@h2')], { callId: 'c2' });
  register(registrar, 0, [contact('sip:a@h3')], { callId: 'c3' });
  assert.deepEqual(uris(registrar, 1), ['sip:a@h3', 'sip:a@h2', 'sip:a@h1']);
});

test('the same URI from another Call-ID replaces; equal URIs are equal in any spelling (RFC 3261 19.1.4)', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:alice@Host.Example;transport=udp')], { callId: 'c1', cseq: 7 });
  register(registrar, 0, [contact('sip:%61lice@host.example;transport=UDP')], { callId: 'c2', cseq: 1 });
  assert.equal(registrar.lookup(1, 'alice').length, 1);
});

test('a device that moved replaces its old address by its instance (RFC 5626)', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:a@h1:1000', { instance: '<urn:uuid:1>;1' })], { callId: 'c1' });
  register(registrar, 0, [contact('sip:a@h1:2000', { instance: '<urn:uuid:1>;1' })], { callId: 'c2' });
  assert.deepEqual(uris(registrar, 1), ['sip:a@h1:2000']);
});

test('a CSeq that is not higher changes nothing (RFC 3261 10.3 step 7)', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:a@h')], { cseq: 5 });
  for (const cseq of [5, 4]) {
    assert.equal(register(registrar, 0, [contact('sip:a@h', { expires: 0 })], { cseq }).status, 500);
    assert.equal(register(registrar, 0, '*', { cseq, expires: 0 }).status, 500);
  }
  assert.equal(uris(registrar, 1).length, 1);
  assert.equal(register(registrar, 0, [contact('sip:a@h', { expires: 0 })], { cseq: 6 }).status, 200);
  assert.equal(uris(registrar, 1).length, 0);
});

test('* removes all, only with Expires 0', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:a@h1'), contact('sip:a@h2')]);
  assert.equal(register(registrar, 0, '*', { cseq: 2, expires: 60 }).status, 400);
  assert.equal(register(registrar, 0, '*', { cseq: 2 }).status, 400);
  const removed = register(registrar, 0, '*', { cseq: 2, expires: 0 });
  assert.ok(removed.status === 200 && removed.events.length === 2);
  assert.equal(registrar.size, 0);
});

test('more devices than allowed in one request: 403 at once, and the request changes nothing at all', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:a@h1'), contact('sip:a@h2')]);
  const many = Array.from({ length: 6300 }, (_, index) => contact(`sip:a@h:${index + 1}`));
  const startedAt = performance.now();
  assert.equal(register(registrar, 0, many, { cseq: 2 }).status, 403);
  assert.equal(register(registrar, 0, many, { cseq: 2, expires: 0 }).status, 403);
  assert.ok(performance.now() - startedAt < 100);
  assert.equal(register(registrar, 0, many.slice(0, 4), { cseq: 2 }).status, 403);
  assert.equal(uris(registrar, 1).length, 2);
});

test('a device too many takes the place of the one that registered the longest ago', () => {
  const registrar = new Registrar(OPTIONS);
  for (const [index, host] of ['h1', 'h2', 'h3', 'h1'].entries()) {
    register(registrar, index, [contact(`sip:a@${host}`)], { cseq: index + 1 });
  }
  const outcome = register(registrar, 9, [contact('sip:a@h4')], { callId: 'c2' });
  assert.ok(outcome.status === 200);
  assert.deepEqual(
    outcome.events.map((event) => [event.kind, formatUri(event.binding.uri)]),
    [
      ['registered', 'sip:a@h4'],
      ['unregistered', 'sip:a@h2'],
    ],
  );
  assert.deepEqual(uris(registrar, 9), ['sip:a@h4', 'sip:a@h1', 'sip:a@h3']);
});

test('all devices may move in one request', () => {
  const registrar = new Registrar(OPTIONS);
  const [old, fresh] = [
    ['h1', 'h2', 'h3'],
    ['h4', 'h5', 'h6'],
  ].map((hosts) => hosts.map((host) => `sip:a@${host}`));
  register(
    registrar,
    0,
    (old ?? []).map((uri) => contact(uri)),
  );
  const gone = (old ?? []).map((uri) => contact(uri, { expires: 0 }));
  const moved = register(registrar, 1, [...gone, ...(fresh ?? []).map((uri) => contact(uri))], { cseq: 2 });
  assert.equal(moved.status, 200);
  assert.equal(uris(registrar, 1).length, 3);
});

test('no contact asks for the bindings', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:a@h1')]);
  const asked = register(registrar, 10, []);
  assert.ok(asked.status === 200 && asked.bindings.length === 1 && asked.events.length === 0);
});

test('devices of users that are no more are forgotten, those of the others stay', () => {
  const registrar = new Registrar(OPTIONS);
  register(registrar, 0, [contact('sip:a@h1'), contact('sip:a@h2')]);
  registrar.register(0, {
    aor: 'bob',
    callId: 'c2',
    cseq: 1,
    contacts: [contact('sip:b@h')],
    expires: 300,
    flow: udpFlow(),
  });
  const events = registrar.retain((aor) => aor === 'bob');
  assert.deepEqual(
    events.map((event) => event.kind === 'unregistered' && [event.binding.aor, event.reason]),
    [
      ['alice', 'removed'],
      ['alice', 'removed'],
    ],
  );
  assert.equal(registrar.size, 1);
  assert.equal(registrar.nextTimeoutAt(), 300_000);
});

test('a device that only its connection reaches is gone with it; one that takes connections stays, as do the others', () => {
  const registrar = new Registrar(OPTIONS);
  const flow = tcpFlow({ address: '192.0.2.1', port: 40_000 });
  const other = tcpFlow({ address: '192.0.2.1', port: 40_001 });
  const add = (aor: string, uri: string, through: typeof flow) =>
    registrar.register(0, { aor, callId: 'c1', cseq: 1, contacts: [contact(uri)], expires: 600, flow: through });
  add('alice', 'sip:alice@10.0.0.1:5060;transport=tcp', flow);
  add('bob', 'sip:bob@192.0.2.1:5070;transport=tcp', flow);
  add('carol', 'sip:carol@10.0.0.3;transport=tcp', other);
  assert.deepEqual(
    registrar.handleFlowClosed(flow).map((event) => event.kind === 'unregistered' && [event.binding.aor, event.reason]),
    [['alice', 'disconnected']],
  );
  assert.deepEqual(registrar.handleFlowClosed(flow), []);
  assert.deepEqual(registrar.lookup(1, 'alice'), []);
  assert.deepEqual(registrar.lookup(1, 'bob')[0]?.flow.listens, { address: '192.0.2.1', port: 5070 });
  assert.equal(registrar.lookup(1, 'carol').length, 1);
});
