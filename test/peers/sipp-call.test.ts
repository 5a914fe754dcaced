/** SIPp calls SIPp through the system: media both ways through the relay, and nothing left afterwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { openScope } from '../support/scope.ts';
import { headerOf, mediaOf } from '../support/sip-log.ts';
import { startSystem } from '../support/system.ts';
import { placeCall, talkBothWays, toldMedia } from './calls.ts';

test('a call has RTP and RTCP both ways through the relay, and BYE by the caller frees everything', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee' });
  await talkBothWays(call);

  const told = await toldMedia(call);
  for (const media of [told.caller, told.callee]) {
    assert.equal(media.address, '127.0.0.1');
    assert.ok(media.port >= system.minPort && media.port < system.maxPort, `port ${media.port} is the relay's`);
    assert.equal(media.port % 2, 0, 'RTP has the even port');
  }
  assert.notEqual(told.caller.port, told.callee.port);
  // Each side hears the other from the very port that it was told to send to (symmetric RTP).
  assert.ok(call.callerMedia.heardFrom(call.calleeMedia).every(({ fromPort }) => fromPort === told.caller.port));
  assert.ok(call.calleeMedia.heardFrom(call.callerMedia).every(({ fromPort }) => fromPort === told.callee.port));
  assert.ok(call.callerMedia.reportsFrom(call.calleeMedia).every(({ fromPort }) => fromPort === told.caller.port + 1));
  assert.ok(call.calleeMedia.reportsFrom(call.callerMedia).every(({ fromPort }) => fromPort === told.callee.port + 1));

  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  const cdr = await system.cdr();
  assert.match(cdr.caller.uri, /^sip:1001@/);
  assert.match(cdr.callee.uri, /^sip:1002@/);
  assert.deepEqual([cdr.status, cdr.endedBy], [200, 'caller']);
  assert.deepEqual(cdr.relayPorts, { caller: [told.caller.port], callee: [told.callee.port] });
  assert.equal(cdr.relay, `127.0.0.1:${system.relayPort}`);
  assert.equal(cdr.media?.length, 1);
  for (const direction of [cdr.media?.[0]?.caller, cdr.media?.[0]?.callee]) {
    // So many at least have reached the other party.
    assert.ok(direction !== undefined && direction.packets >= 20, JSON.stringify(direction));
    assert.match(direction.verdict ?? '', /^[a-z-]+$/);
    assert.equal(typeof direction.lossPercent, 'number');
  }
  await system.stop();
});

test('the two legs are two dialogs: Call-ID, tags and addresses of the caller stay hidden from the callee', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee' });
  const offered = await call.callee.received(/^INVITE/);
  const [sent] = (await call.caller.messages()).filter((message) => message.direction === 'sent');
  assert.ok(sent);
  assert.notEqual(headerOf(offered, 'Call-ID'), headerOf(sent, 'Call-ID'));
  assert.equal(offered.text.includes(headerOf(sent, 'Contact') ?? 'no Contact'), false);
  assert.equal(/^(Proxy-)?Authorization/im.test(offered.text), false, 'credentials end at our server');
  const [audio] = mediaOf(offered);
  assert.notEqual(audio?.port, call.callerMedia.port);

  await call.callee.received(/^ACK/);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.stop();
});

test('BYE by the callee ends the call on both sides', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller-waits', callee: 'callee-hangs-up' });
  await talkBothWays(call);
  await call.callee.proceed();
  await call.callee.completes();
  await call.caller.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).endedBy, 'callee');
  await system.stop();
});
