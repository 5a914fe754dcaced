import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type RtppClientEffect, RtppClientEngine } from '../../../src/rtpp-client/client.ts';
import { RTPP_CLIENT_DEFAULTS } from '../../../src/rtpp-client/policy.ts';

function engine(options: { maxInFlight?: number } = {}): RtppClientEngine {
  return new RtppClientEngine('ck.', { ...RTPP_CLIENT_DEFAULTS, ...options });
}

function sent(effects: readonly RtppClientEffect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === 'send' ? [Buffer.from(effect.datagram).toString()] : []));
}

test('a command goes out under a cookie of its own, and the reply under it settles it', () => {
  const client = engine();
  const first = client.request(0, 'V');
  const second = client.request(0, 'VF 20050322');
  assert.deepEqual(sent(first.effects), ['ck.1 V']);
  assert.deepEqual(sent(second.effects), ['ck.2 VF 20050322']);
  assert.deepEqual(client.handleDatagram(1, 'ck.2 1\n'), [
    {
      kind: 'settled',
      id: second.id,
      outcome: { kind: 'reply', reply: { kind: 'number', value: 1, address: undefined, family: 4, results: [] } },
    },
  ]);
  assert.equal(client.inFlight, 1);
  assert.equal(client.nextTimeoutAt(), 300);
});

test('repeats the same datagram at 300, 900 and 2100 ms and gives up after 3000 ms', () => {
  const client = engine();
  const { id, effects } = client.request(1000, 'V');
  const times = [];
  const datagrams = sent(effects);
  for (;;) {
    const at = client.nextTimeoutAt();
    const due = client.handleTimeout(at);
    times.push(at - 1000);
    datagrams.push(...sent(due));
    if (due.some((effect) => effect.kind === 'settled')) {
      assert.deepEqual(due, [{ kind: 'settled', id, outcome: { kind: 'timeout' } }]);
      break;
    }
  }
  assert.deepEqual(times, [300, 900, 2100, 3000]);
  assert.deepEqual(datagrams, new Array(4).fill('ck.1 V'));
  assert.equal(client.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('a command may bring a policy of its own', () => {
  const client = engine();
  client.request(0, 'V', { firstMs: 500, factor: 1, budgetMs: 1500 });
  const times = [];
  while (client.inFlight > 0) {
    times.push(client.nextTimeoutAt());
    client.handleTimeout(client.nextTimeoutAt());
  }
  assert.deepEqual(times, [500, 1000, 1500]);
});

test('a reply that comes twice, or after the request was given up, is dropped', () => {
  const client = engine();
  client.request(0, 'V', { budgetMs: 100 });
  client.handleTimeout(100);
  assert.deepEqual(client.handleDatagram(101, 'ck.1 20040107\n'), []);
  client.request(200, 'V');
  assert.equal(client.handleDatagram(201, 'ck.2 20040107').length, 1);
  assert.deepEqual(client.handleDatagram(202, 'ck.2 20040107'), []);
});

test('a cookie that only resembles one in flight settles nothing', () => {
  const client = engine();
  client.request(0, 'V');
  for (const cookie of ['ck.01', 'ck.1.', 'ck.1x', 'ck.', 'ck.-1', 'ck.1e3']) {
    assert.deepEqual(client.handleDatagram(1, `${cookie} 20040107`), [], cookie);
  }
  assert.equal(client.inFlight, 1);
});

test('a datagram under a cookie that we never made is a stray', () => {
  const client = engine();
  client.request(0, 'V');
  assert.deepEqual(client.handleDatagram(1, 'SIP/2.0 400 Bad Request'), [
    { kind: 'stray', text: 'SIP/2.0 400 Bad Request' },
  ]);
  assert.deepEqual(client.handleDatagram(1, ''), [{ kind: 'stray', text: '' }]);
});

test('a refusal settles everything in flight at once', () => {
  const client = engine();
  const ids = [client.request(0, 'V').id, client.request(0, 'V').id];
  assert.deepEqual(
    client.handleRefused(1),
    ids.map((id) => ({ kind: 'settled', id, outcome: { kind: 'refused' } })),
  );
  assert.equal(client.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('more commands than may wait, and commands that no relay reads, are rejected unsent', () => {
  const client = engine({ maxInFlight: 1 });
  assert.deepEqual(client.request(0, `U ${'x'.repeat(8190)} 0.0.0.0 0 a`).effects, [
    { kind: 'settled', id: 1, outcome: { kind: 'rejected', reason: 'too-long' } },
  ]);
  client.request(0, 'V');
  assert.deepEqual(client.request(0, 'V').effects, [
    { kind: 'settled', id: 3, outcome: { kind: 'rejected', reason: 'too-many-in-flight' } },
  ]);
});

test('close settles what waits, and later requests at once', () => {
  const client = engine();
  client.request(0, 'V');
  assert.deepEqual(client.close(), [{ kind: 'settled', id: 1, outcome: { kind: 'closed' } }]);
  assert.deepEqual(client.request(0, 'V').effects, [{ kind: 'settled', id: 2, outcome: { kind: 'closed' } }]);
  assert.deepEqual(client.close(), []);
});

test('a reply under our cookie that is none is data', () => {
  const client = engine();
  client.request(0, 'V');
  assert.deepEqual(client.handleDatagram(1, 'ck.1 a\0b'), [
    { kind: 'settled', id: 1, outcome: { kind: 'rejected', reason: 'malformed-reply' } },
  ]);
});

test('never throws and settles each request at most once, whatever arrives', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('request' as const), text: fc.string({ maxLength: 40 }) }),
    fc.record({ kind: fc.constant('datagram' as const), text: fc.string({ unit: 'binary', maxLength: 40 }) }),
    fc.record({ kind: fc.constant('answer' as const), id: fc.nat(12), text: fc.string({ maxLength: 20 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(4000) }),
    fc.record({ kind: fc.constant('refused' as const) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const client = engine({ maxInFlight: 5 });
      const settled = new Set<number>();
      let requests = 0;
      let now = 0;
      const take = (effects: readonly RtppClientEffect[]): void => {
        for (const effect of effects) {
          if (effect.kind === 'settled') {
            assert.ok(!settled.has(effect.id));
            settled.add(effect.id);
          }
        }
      };
      for (const input of events) {
        if (input.kind === 'request') {
          requests += 1;
          take(client.request(now, input.text).effects);
        } else if (input.kind === 'datagram') {
          take(client.handleDatagram(now, input.text));
        } else if (input.kind === 'answer') {
          take(client.handleDatagram(now, `ck.${input.id.toString(36)} ${input.text}`));
        } else if (input.kind === 'refused') {
          take(client.handleRefused(now));
        } else {
          now += input.ms;
          take(client.handleTimeout(now));
        }
        assert.ok(client.inFlight <= 5);
      }
      take(client.close());
      assert.equal(settled.size, requests);
    }),
  );
});
