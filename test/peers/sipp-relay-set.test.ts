/** SIPp calls SIPp through a system with two relays: both carry calls, and one of them is enough. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { activeSessions } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';
import { mediaOf } from '../support/sip-log.ts';
import { registerWithSipp, Sipp } from '../support/sipp.ts';
import { audio, SippScript } from '../support/sipp-script.ts';
import { startSystem } from '../support/system.ts';
import { startRelay } from '../support/test-relay.ts';
import { waitFor } from '../support/wait.ts';
import { type Call, placeCall, talkBothWays, toldMedia } from './calls.ts';

test('two calls, one through each relay, both with audio; without the second relay the next call has audio, too', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const further = await startRelay(scope);
  const control = `udp:127.0.0.1:${further.control}`;
  const system = await startSystem(scope, { config: { relay: { further: [{ control }] } } });
  for (const port of [system.relayPort, further.control]) {
    await system.launcher.waitForLine(new RegExp(`127\\.0\\.0\\.1:${port}".*media relay answers`), 60_000);
  }
  const isFurther = (port: number): boolean => port >= further.minPort && port < further.minPort + 40;
  const scenarios = { caller: 'caller', callee: 'callee' };
  const portsOf = async (call: Call): Promise<number[]> => {
    const { caller, callee } = await toldMedia(call);
    assert.deepEqual([caller.address, callee.address], ['127.0.0.1', '127.0.0.1']);
    return [caller.port, callee.port];
  };

  const calls = [
    await placeCall(scope, system, { ...scenarios, calleeUser: '1002' }),
    await placeCall(scope, system, { ...scenarios, calleeUser: '1003' }),
  ];
  for (const call of calls) {
    await talkBothWays(call);
  }
  const places = await Promise.all(calls.map(async (call) => (await portsOf(call)).map(isFurther)));
  assert.deepEqual(places.sort(), [
    [false, false],
    [true, true],
  ]);
  assert.deepEqual([await activeSessions(system.relayPort), await activeSessions(further.control)], [1, 1]);
  for (const call of calls) {
    await call.caller.proceed();
    await call.caller.completes();
    await call.callee.completes();
  }
  await system.expectNoSessions();
  await waitFor('no session on the second relay', async () => (await activeSessions(further.control)) === 0);

  further.program.signal('SIGKILL');
  await further.program.waitForExit();
  await system.launcher.waitForLine(new RegExp(`127\\.0\\.0\\.1:${further.control}".*media relay disabled`), 60_000);
  const next = await placeCall(scope, system, { ...scenarios, calleeUser: '1003' });
  await talkBothWays(next);
  assert.ok((await portsOf(next)).every((port) => !isFurther(port)));
  await next.caller.proceed();
  await next.caller.completes();
  await next.callee.completes();
  await system.stop();
});

test('the relay of an answered call is killed: the call moves to the other one by re-INVITE, and has audio there', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const further = await startRelay(scope);
  const control = `udp:127.0.0.1:${further.control}`;
  // Its own relay is a spare: the call begins on the other one.
  const system = await startSystem(scope, { config: { relay: { weight: 0, further: [{ control }] } } });
  for (const port of [system.relayPort, further.control]) {
    await system.launcher.waitForLine(new RegExp(`127\\.0\\.0\\.1:${port}".*media relay answers`), 60_000);
  }
  const parties = { caller: await RtpParty.open(scope, 'caller'), callee: await RtpParty.open(scope, 'callee') };
  const localPort = await freeUdpPort();
  const link = { remotePort: system.sipPort, service: '1002', password: '1234' };
  await registerWithSipp(scope, { localPort, ...link });
  const callee = await Sipp.start(scope, {
    scenario: 'callee',
    script: SippScript.isCalled()
      .responds(200, audio())
      .getsAck()
      .getsReinvite()
      .responds(200, audio())
      .getsAck()
      .answers('BYE'),
    localPort,
    media: parties.callee,
  });
  const caller = await Sipp.start(scope, {
    ...link,
    scenario: 'caller',
    script: SippScript.calls()
      .gets(200)
      .acknowledges()
      .getsReinvite()
      .responds(200, audio())
      .getsAck()
      .waits()
      .asks('BYE'),
    localPort: await freeUdpPort(),
    caller: '1001',
    media: parties.caller,
  });
  await waitFor('the session', async () => (await activeSessions(further.control)) === 1);
  const ackOf = async (sipp: Sipp, nth: number): Promise<void> => void (await sipp.received(/^ACK /, nth));
  await ackOf(callee, 1);
  further.program.signal('SIGKILL');
  await system.launcher.waitForLine(/the call goes on over another session/, 60_000);
  const isFurther = (port: number): boolean => port >= further.minPort && port < further.minPort + 40;
  const [offer] = mediaOf(await callee.received(/^INVITE /, 2));
  const [answer] = mediaOf(await caller.received(/^ACK /));
  assert.ok(offer && answer, 'the re-INVITE to the callee has an offer, the ACK to the caller an answer');
  assert.deepEqual([isFurther(offer.port), isFurther(answer.port)], [false, false]);
  await converse({ party: parties.caller, to: answer }, { party: parties.callee, to: offer });
  await caller.proceed();
  await caller.completes();
  await callee.completes();
  await system.expectNoSessions();
  await system.stop();
});
