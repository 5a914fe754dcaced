import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OneShotClientEngine } from '../../../src/rtpp-client/one-shot-client.ts';
import { RTPP_CLIENT_DEFAULTS } from '../../../src/rtpp-client/policy.ts';
import type { StreamClientEffect } from '../../../src/rtpp-client/stream-effects.ts';
import { told } from './told.ts';

function engine(options: { maxInFlight?: number } = {}): OneShotClientEngine {
  return new OneShotClientEngine({ ...RTPP_CLIENT_DEFAULTS, ...options });
}

test('a command has a connection of its own; what comes before its end is the reply', () => {
  const client = engine();
  assert.deepEqual(told(client.request(0, 'V').effects), ['connect 1 V⏎']);
  assert.deepEqual(told(client.request(0, 'Ib').effects), ['connect 2 Ib⏎']);
  assert.deepEqual(client.handleBytes(1, 1, '2004'), []);
  assert.deepEqual(client.handleBytes(2, 2, 'sessions created: 0\nactive sessions: 0\n'), []);
  assert.deepEqual(client.handleBytes(3, 1, '0107\n'), []);
  assert.deepEqual(told(client.handleEnd(4, 1, 'ended')), ['settled 1 20040107']);
  assert.deepEqual(told(client.handleEnd(4, 2, 'ended')), ['settled 2 sessions created: 0\nactive sessions: 0']);
  assert.equal(client.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('at most 16 connections at once; the others wait their turn', () => {
  const client = engine();
  const first = Array.from({ length: 18 }, () => client.request(0, 'V').effects);
  assert.deepEqual(
    first.map(({ length }) => length),
    [...Array<number>(16).fill(1), 0, 0],
  );
  client.handleBytes(1, 1, '1');
  assert.deepEqual(told(client.handleEnd(1, 1, 'ended')), ['settled 1 1', 'connect 17 V⏎']);
  assert.deepEqual(told(client.handleEnd(1, 2, 'refused')), ['settled 2 refused', 'connect 18 V⏎']);
});

test('a connection that ends without a byte is tried again, 300, 600, 1200 ms later, until the budget is over', () => {
  const client = engine();
  client.request(0, 'V');
  let now = 0;
  for (const [connection, wait] of [
    [1, 300],
    [2, 600],
    [3, 1200],
  ] as const) {
    assert.deepEqual(client.handleEnd(now, connection, 'ended'), []);
    assert.equal(client.nextTimeoutAt(), now + wait);
    now += wait;
    assert.deepEqual(told(client.handleTimeout(now)), [`connect ${connection + 1} V⏎`]);
  }
  assert.deepEqual(client.handleEnd(now, 4, 'broken'), []);
  assert.equal(client.nextTimeoutAt(), 3000);
  assert.deepEqual(told(client.handleTimeout(3000)), ['settled 1 disconnected']);
});

test('a relay that accepts and says nothing times out, and its connection is closed', () => {
  const client = engine();
  client.request(0, 'V', { budgetMs: 500 });
  assert.deepEqual(told(client.handleTimeout(500)), ['disconnect 1', 'settled 1 timeout']);
  assert.deepEqual(client.handleBytes(501, 1, '20040107\n'), []);
  assert.deepEqual(client.handleEnd(502, 1, 'broken'), []);
});

test('an answer without end is cut off; limits and the end are as for UDP', () => {
  const client = engine({ maxInFlight: 1 });
  client.request(0, 'V');
  assert.deepEqual(told(client.request(0, 'V').effects), ['settled 2 rejected']);
  assert.deepEqual(told(client.handleBytes(1, 1, 'x'.repeat(65_537))), ['disconnect 1', 'settled 1 rejected']);
  assert.deepEqual(told(client.request(2, 'x'.repeat(8191)).effects), ['settled 3 rejected']);
  client.request(3, 'V');
  assert.deepEqual(told(client.close()), ['disconnect 2', 'settled 4 closed']);
  assert.deepEqual(told(client.request(3, 'V').effects), ['settled 5 closed']);
  assert.deepEqual(client.close(), []);
});

test('never throws, opens a bounded number of connections and settles each request once, whatever happens', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('request' as const) }),
    fc.record({ kind: fc.constant('bytes' as const), connection: fc.nat(40), text: fc.string({ unit: 'binary' }) }),
    fc.record({
      kind: fc.constant('end' as const),
      connection: fc.nat(40),
      end: fc.constantFrom('ended' as const, 'refused' as const, 'broken' as const),
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(2000) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const client = engine({ maxInFlight: 30 });
      const open = new Set<number>();
      const settled = new Set<number>();
      let requests = 0;
      let now = 0;
      const take = (effects: readonly StreamClientEffect[]): void => {
        for (const effect of effects) {
          if (effect.kind === 'settled') {
            assert.ok(!settled.has(effect.id));
            settled.add(effect.id);
          } else if (effect.kind === 'connect') {
            open.add(effect.connection);
          } else if (effect.kind === 'disconnect') {
            assert.ok(open.delete(effect.connection));
          }
        }
        assert.ok(open.size <= 16);
      };
      for (const input of events) {
        switch (input.kind) {
          case 'request':
            requests += 1;
            take(client.request(now, 'V').effects);
            break;
          case 'bytes':
            take(client.handleBytes(now, input.connection, input.text));
            break;
          case 'end':
            open.delete(input.connection);
            take(client.handleEnd(now, input.connection, input.end));
            break;
          case 'wait':
            now += input.ms;
            take(client.handleTimeout(now));
            break;
        }
      }
      take(client.close());
      assert.equal(settled.size, requests);
      assert.equal(open.size, 0);
      assert.equal(client.nextTimeoutAt(), Number.POSITIVE_INFINITY);
    }),
  );
});
