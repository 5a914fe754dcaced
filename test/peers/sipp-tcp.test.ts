/** SIPp over TCP: RFC 3261 18, on one side of the call or on the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { openScope } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { startSystem } from '../support/system.ts';
import { placeCall, talkBothWays } from './calls.ts';

test('a caller over TCP and a callee over UDP: media both ways, and the BYE comes back over the connection', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const scenarios = { caller: 'caller-waits', callee: 'callee-hangs-up', callerTransport: 'tcp' } as const;
  const call = await placeCall(scope, system, scenarios);
  await talkBothWays(call);
  const answer = await call.caller.received(/^SIP\/2\.0 200/);
  assert.match(headerOf(answer, 'Contact') ?? '', /;transport=tcp>/);
  assert.match(headerOf(await call.callee.received(/^INVITE/), 'Via') ?? '', /^SIP\/2\.0\/UDP /);
  await call.callee.proceed();
  await call.callee.completes();
  await call.caller.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).endedBy, 'callee');
  await system.stop();
});

test('a callee that registered over TCP is called where it takes connections, over TCP', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee', calleeTransport: 'tcp' });
  await talkBothWays(call);
  const invite = await call.callee.received(/^INVITE/);
  assert.match(headerOf(invite, 'Via') ?? '', /^SIP\/2\.0\/TCP /);
  assert.match(headerOf(invite, 'Contact') ?? '', /;transport=tcp>/);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  await system.stop();
});
