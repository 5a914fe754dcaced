/** SIPp calls SIPp through a system with two relays: both carry calls, and one of them is enough. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { activeSessions } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';
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
