/** Kamailio in place of our IMS: `ims.command` under ims-launch, its rtpproxy module talking to our relay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { activeSessions } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';
import { type Call, latestMedia, reinvited, talkBothWays, toldMedia } from './calls.ts';
import { placeKamailioCall, startKamailioSystem } from './kamailio.ts';

test('Kamailio as the IMS: RTP and RTCP both ways through our relay, and BYE deletes the session', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const system = await startKamailioSystem(scope);
  const call = await placeKamailioCall(scope, system, { caller: 'caller', callee: 'callee' });
  const { callerMedia, calleeMedia } = call;

  await talkBothWays(call);
  assert.equal(await activeSessions(system.relayPort), 1);
  const told = await toldMedia(call);
  for (const media of [told.caller, told.callee]) {
    assert.equal(media.address, '127.0.0.1');
    assert.ok(media.port >= system.minPort && media.port < system.maxPort, `port ${media.port} is the relay's`);
  }
  assert.ok(callerMedia.heardFrom(calleeMedia).every(({ fromPort }) => fromPort === told.caller.port));
  assert.ok(calleeMedia.heardFrom(callerMedia).every(({ fromPort }) => fromPort === told.callee.port));

  await call.caller.proceed();
  await bothComplete(call);
  await system.expectNoSessions();
  await system.stop();
});

test('Kamailio as the IMS: a busy callee, a caller who gives up, a callee who hangs up: no session stays', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const system = await startKamailioSystem(scope);

  const busy = await placeKamailioCall(scope, system, {
    caller: 'caller-refused',
    callee: 'callee-busy',
    finalStatus: 486,
  });
  await bothComplete(busy);
  await system.expectNoSessions();

  const cancelled = await placeKamailioCall(scope, system, { caller: 'caller-cancels', callee: 'callee-rings' });
  await cancelled.caller.received(/^SIP\/2\.0 180/);
  assert.equal(await activeSessions(system.relayPort), 1, 'the offer has its session while it rings');
  await cancelled.caller.proceed();
  await bothComplete(cancelled);
  await system.expectNoSessions();

  const hungUpOn = await placeKamailioCall(scope, system, { caller: 'caller-waits', callee: 'callee-hangs-up' });
  await talkBothWays(hungUpOn);
  await hungUpOn.callee.proceed();
  await bothComplete(hungUpOn);
  await system.expectNoSessions();
  await system.stop();
});

test('Kamailio as the IMS: early media reaches the caller before the answer, which names the same port', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const system = await startKamailioSystem(scope);
  const call = await placeKamailioCall(scope, system, { caller: 'caller', callee: 'callee-early' });
  const early = await call.caller.mediaToldBy(/^SIP\/2\.0 183/);
  const offered = await call.callee.mediaToldBy(/^INVITE/);
  assert.ok(early.port >= system.minPort && early.port < system.maxPort, `port ${early.port} is the relay's`);
  await converse({ party: call.callerMedia, to: early }, { party: call.calleeMedia, to: offered });

  await call.callee.proceed();
  const answered = await call.caller.mediaToldBy(/^SIP\/2\.0 200/);
  assert.equal(answered.port, early.port);
  await call.callee.received(/^ACK/);
  await call.caller.proceed();
  await bothComplete(call);
  await system.expectNoSessions();
  await system.stop();
});

test('Kamailio as the IMS: re-INVITEs hold the call and resume it at another port; the relay’s ports stay', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const system = await startKamailioSystem(scope);
  const laterMedia = await RtpParty.open(scope, 'caller, elsewhere');
  const call = await placeKamailioCall(scope, system, { caller: 'caller-holds', callee: 'callee-held', laterMedia });
  await talkBothWays(call);
  const before = await toldMedia(call);

  await call.caller.proceed();
  await reinvited(call.callee, 2);
  assert.equal((await latestMedia(call.callee)).direction, 'sendonly');
  assert.equal((await latestMedia(call.caller)).direction, 'recvonly');

  await call.caller.proceed();
  await reinvited(call.callee, 3);
  const after = { caller: await latestMedia(call.caller), callee: await latestMedia(call.callee) };
  assert.deepEqual([after.caller.direction, after.callee.direction], ['sendrecv', 'sendrecv']);
  assert.deepEqual([after.caller.port, after.callee.port], [before.caller.port, before.callee.port]);
  const heardBefore = call.callerMedia.rtp.length;
  await converse({ party: laterMedia, to: after.caller }, { party: call.calleeMedia, to: after.callee });
  assert.equal(call.callerMedia.rtp.length, heardBefore, 'nothing goes to the port that was given up');
  assert.equal(await activeSessions(system.relayPort), 1);

  await call.caller.proceed();
  await bothComplete(call);
  await system.expectNoSessions();
  await system.stop();
});

async function bothComplete({ caller, callee }: Call): Promise<void> {
  await caller.completes();
  await callee.completes();
}
