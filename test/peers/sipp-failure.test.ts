/** Calls that SIPp does not get through: each ends with the right answer, a CDR, and no session at the relay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { RtpParty } from '../support/rtp-party.ts';
import { openScope } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { startSystem } from '../support/system.ts';
import { placeCall, startCaller } from './calls.ts';

test('CANCEL while it rings: 200 to the CANCEL, 487 to the INVITE, CANCEL to the callee (RFC 3261 9)', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller-cancels', callee: 'callee-rings' });
  await call.caller.received(/^SIP\/2\.0 180/);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).status, 487);
  await system.stop();
});

test('a callee that is busy: 486 reaches the caller', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller-refused', callee: 'callee-busy', finalStatus: 486 });
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).status, 486);
  await system.stop();
});

test('a callee that never answers: 408 after the ring time-out, and CANCEL to the callee (Timer C)', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope, { config: { ims: { ringTimeoutSeconds: 5 } } });
  const call = await placeCall(scope, system, { caller: 'caller-refused', callee: 'callee-rings', finalStatus: 408 });
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).status, 408);
  await system.stop();
});

test('a user that does not exist: 404', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const media = await RtpParty.open(scope, 'caller');
  const caller = await startCaller(scope, system, {
    scenario: 'caller-refused',
    media,
    finalStatus: 404,
    service: 'nobody',
  });
  await caller.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).status, 404);
  await system.stop();
});

test('without a relay: 503 with Retry-After and a Warning that says why, and the callee does not ring', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  // Nothing listens on the control port, and nothing is to be started there.
  const system = await startSystem(scope, { env: { RTPPROXY_AUTO_START: '0' } });
  const call = await placeCall(scope, system, { caller: 'caller-refused', callee: 'callee', finalStatus: 503 });
  await call.caller.completes();
  const refusal = await call.caller.received(/^SIP\/2\.0 503/);
  assert.match(headerOf(refusal, 'Retry-After') ?? '', /^\d+/);
  assert.match(headerOf(refusal, 'Warning') ?? '', /^399 \S+ ".*(relay|media).*"/i);
  assert.deepEqual(await call.callee.messages(), []);
  assert.equal((await system.cdr()).status, 503);
  await system.stop();
});
