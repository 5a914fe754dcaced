/** Offers and answers in other places than INVITE and 200, and more than one media line: RFC 3261 13.2.1, RFC 3264. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { openScope } from '../support/scope.ts';
import { startSystem } from '../support/system.ts';
import { placeCall, talkBothWays } from './calls.ts';

test('early media: what the callee sends after its 183 reaches the caller before the call is answered', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee-early' });
  const early = await call.caller.mediaToldBy(/^SIP\/2\.0 183/);
  const offered = await call.callee.mediaToldBy(/^INVITE/);
  await converse({ party: call.callerMedia, to: early }, { party: call.calleeMedia, to: offered });

  await call.callee.proceed();
  const answered = await call.caller.mediaToldBy(/^SIP\/2\.0 200/);
  assert.equal(answered.port, early.port, 'the answer names the port that the 183 named');
  await call.callee.received(/^ACK/);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  await system.stop();
});

test('late offer: INVITE without SDP, the offer in the 200 and the answer in the ACK, media both ways', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller-late-offer', callee: 'callee' });
  const offered = await call.caller.mediaToldBy(/^SIP\/2\.0 200/);
  const answered = await call.callee.mediaToldBy(/^ACK/);
  for (const { port } of [offered, answered]) {
    assert.ok(port >= system.minPort && port < system.maxPort, `port ${port} is the relay's`);
  }
  await converse({ party: call.callerMedia, to: offered }, { party: call.calleeMedia, to: answered });

  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  await system.stop();
});

test('audio and video: each media line has its own pair of relay ports, and neither hears the other', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const callerVideo = await RtpParty.open(scope, 'caller-video');
  const calleeVideo = await RtpParty.open(scope, 'callee-video');
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee', callerVideo, calleeVideo });
  const toCallee = await call.caller.mediaToldBy(/^SIP\/2\.0 200/, 'video');
  const toCaller = await call.callee.mediaToldBy(/^INVITE/, 'video');
  await Promise.all([
    talkBothWays(call),
    converse({ party: callerVideo, to: toCallee }, { party: calleeVideo, to: toCaller }),
  ]);
  assert.deepEqual(callerVideo.heardFrom(call.calleeMedia), []);
  assert.deepEqual(call.callerMedia.heardFrom(calleeVideo), []);

  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  await system.stop();
});
