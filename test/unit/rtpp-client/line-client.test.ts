import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineClientEngine } from '../../../src/rtpp-client/line-client.ts';
import { RTPP_CLIENT_DEFAULTS } from '../../../src/rtpp-client/policy.ts';
import type { StreamClientEffect } from '../../../src/rtpp-client/stream-effects.ts';
import { told } from './told.ts';

function engine(options: { maxInFlight?: number } = {}): LineClientEngine {
  return new LineClientEngine({ ...RTPP_CLIENT_DEFAULTS, ...options });
}

test('commands go down one connection, and replies come back in order, however the bytes are cut', () => {
  const client = engine();
  assert.deepEqual(told(client.request(0, 'V').effects), ['connect 1 V⏎']);
  assert.deepEqual(told(client.request(0, 'VF 20050322').effects), ['write 1 VF 20050322⏎']);
  assert.deepEqual(told(client.request(0, 'D a b').effects), ['write 1 D a b⏎']);
  assert.deepEqual(told(client.handleBytes(1, 1, '20040107\n1')), ['settled 1 20040107']);
  assert.deepEqual(told(client.handleBytes(2, 1, '\nE5')), ['settled 2 1']);
  assert.deepEqual(told(client.handleBytes(3, 1, '0\r\n')), ['settled 3 E50']);
  assert.equal(client.inFlight, 0);
  assert.equal(client.nextTimeoutAt(), Number.POSITIVE_INFINITY);
  assert.deepEqual(told(client.request(9, 'V').effects), ['write 1 V⏎'], 'the connection stays');
});

test('I has five lines, Il six, and an error in their place one', () => {
  const client = engine();
  for (const command of ['Ib', 'Il', 'I', 'V']) {
    client.request(0, command);
  }
  const lines = ['a: 1', 'b: 2', 'c: 3', 'd: 4', 'e: 5'];
  const answer = `${lines.join('\n')}\n${lines.join('\n')}\nload: 0\nE18\n7\n`;
  assert.deepEqual(told(client.handleBytes(1, 1, answer)), [
    `settled 1 ${lines.join('\n')}`,
    `settled 2 ${lines.join('\n')}\nload: 0`,
    'settled 3 E18',
    'settled 4 7',
  ]);
});

test('what the end of a connection left unanswered is sent once more on the next one', () => {
  const client = engine();
  client.request(0, 'V');
  client.request(0, 'U a 0.0.0.0 0 t');
  client.handleBytes(1, 1, '20040107\n35');
  assert.deepEqual(told(client.handleEnd(2, 1, 'ended')), ['connect 2 U a 0.0.0.0 0 t⏎']);
  client.request(3, 'V');
  assert.deepEqual(
    told(client.handleEnd(4, 2, 'broken')),
    ['settled 2 disconnected', 'connect 3 V⏎'],
    'the half reply of the first connection was not taken for the beginning of another',
  );
  assert.deepEqual(told(client.handleBytes(5, 3, '20040107\n')), ['settled 3 20040107']);
});

test('an idle connection that ends costs nothing; the next command makes another', () => {
  const client = engine();
  client.request(0, 'V');
  client.handleBytes(1, 1, '20040107\n');
  assert.deepEqual(client.handleEnd(2, 1, 'ended'), []);
  assert.deepEqual(told(client.request(3, 'V').effects), ['connect 2 V⏎']);
});

test('a refusal settles everything', () => {
  const client = engine();
  client.request(0, 'V');
  client.request(0, 'V');
  assert.deepEqual(told(client.handleEnd(1, 1, 'refused')), ['settled 1 refused', 'settled 2 refused']);
  assert.equal(client.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('one unanswered command gives the connection up, with all that stand behind it', () => {
  const client = engine();
  client.request(0, 'V', { budgetMs: 500 });
  client.request(400, 'V');
  assert.deepEqual(client.handleTimeout(499), []);
  assert.deepEqual(told(client.handleTimeout(500)), ['disconnect 1', 'settled 1 timeout', 'settled 2 timeout']);
  assert.deepEqual(client.handleBytes(501, 1, '20040107\n'), [], 'a late answer is nobody’s');
  assert.deepEqual(client.handleEnd(502, 1, 'broken'), []);
  assert.deepEqual(told(client.request(503, 'V').effects), ['connect 2 V⏎']);
});

test('bytes that nobody asked for, and a line without end, end the connection', () => {
  const client = engine();
  client.request(0, 'V');
  assert.deepEqual(told(client.handleBytes(1, 1, '7\n220 mail.example.org ESMTP\r\n')), [
    'settled 1 7',
    'stray 220 mail.example.org ESMTP\r',
    'disconnect 1',
  ]);
  client.request(2, 'V');
  assert.deepEqual(told(client.handleBytes(3, 2, 'x'.repeat(65_537))), ['disconnect 2', 'settled 2 rejected']);
});

test('limits and the end are as for UDP', () => {
  const client = engine({ maxInFlight: 1 });
  client.request(0, 'V');
  assert.deepEqual(told(client.request(0, 'V').effects), ['settled 2 rejected']);
  assert.deepEqual(told(client.close()), ['disconnect 1', 'settled 1 closed']);
  assert.deepEqual(told(client.request(0, 'V').effects), ['settled 3 closed']);
  assert.deepEqual(client.close(), []);
});

test('never throws, has one connection at most and settles each request once, whatever happens', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('request' as const), command: fc.constantFrom('V', 'Ib', 'Q a b') }),
    fc.record({
      kind: fc.constant('bytes' as const),
      text: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('7\n'), fc.constant('a\nb\nc\nd\ne\n')),
    }),
    fc.record({
      kind: fc.constant('end' as const),
      end: fc.constantFrom('ended' as const, 'refused' as const, 'broken' as const),
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(2000) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const client = engine({ maxInFlight: 10 });
      const settled = new Set<number>();
      let open: number | undefined;
      let requests = 0;
      let now = 0;
      const take = (effects: readonly StreamClientEffect[]): void => {
        for (const effect of effects) {
          if (effect.kind === 'settled') {
            assert.ok(!settled.has(effect.id));
            settled.add(effect.id);
          } else if (effect.kind === 'connect') {
            assert.equal(open, undefined);
            open = effect.connection;
          } else if (effect.kind === 'disconnect') {
            assert.equal(open, effect.connection);
            open = undefined;
          } else if (effect.kind === 'write') {
            assert.equal(open, effect.connection);
          }
        }
      };
      for (const input of events) {
        if (input.kind === 'request') {
          requests += 1;
          take(client.request(now, input.command).effects);
        } else if (input.kind === 'wait') {
          now += input.ms;
          take(client.handleTimeout(now));
        } else if (open !== undefined) {
          const connection: number = open;
          if (input.kind === 'bytes') {
            take(client.handleBytes(now, connection, input.text));
          } else {
            open = undefined;
            take(client.handleEnd(now, connection, input.end));
          }
        }
        assert.ok(client.inFlight <= 10);
      }
      take(client.close());
      assert.equal(settled.size, requests);
      assert.equal(open, undefined);
      assert.equal(client.nextTimeoutAt(), Number.POSITIVE_INFINITY);
    }),
  );
});
