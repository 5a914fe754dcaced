import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalAddress } from '../../../src/relay/local-addresses.ts';
import type { SessionId } from '../../../src/relay/plane.ts';
import { openLegsOf } from '../../../src/relay/recording/open-leg.ts';
import { Session } from '../../../src/relay/session.ts';

const TIMES = {
  ttlSeconds: 60,
  setupTtlSeconds: 60,
  ttlPerLeg: false,
  holdTtlSeconds: 1800,
  maxLifetimeSeconds: 0,
} as const;

function session(id: number, callId: string, local: Partial<LocalAddress> = {}): Session {
  const address: LocalAddress = { address: '192.0.2.1', family: 4, advertised: undefined, label: undefined, ...local };
  const made = new Session(0, { id: id as SessionId, callId, fromTag: 'A', ...TIMES }, [address, address]);
  made.legs[0].port = 10_000 + id * 2;
  return made;
}

test('a call is named by the relay’s Call-ID or by what goes before its last ~: its branches, and nobody else’s', () => {
  const sessions = ['call', 'call~1', 'call~2', 'call~x~1', 'caller', 'other'].map((callId, id) => session(id, callId));
  const found = (...wanted: string[]) =>
    openLegsOf(sessions, wanted.length > 0 ? wanted : undefined).map((leg) => Number(leg.session));
  assert.deepEqual(found('call'), [0, 1, 2]);
  assert.deepEqual(found('call~1'), [1]);
  assert.deepEqual(found('call~x'), [3]);
  assert.deepEqual(found('nobody'), []);
  assert.deepEqual(found('call~x', 'other'), [3, 5]);
  assert.deepEqual(found(), [0, 1, 2, 3, 4, 5]);
});

test('a leg without a port is none; its address is the one that the parties are told', () => {
  const [leg, ...more] = openLegsOf([session(1, 'call', { address: '10.0.0.1', advertised: '203.0.113.1' })], ['call']);
  assert.deepEqual(leg, { session: 1, side: 0, local: { address: '203.0.113.1', port: 10_002 } });
  assert.deepEqual(more, []);
});
