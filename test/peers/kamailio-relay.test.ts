/** Kamailio's view of a relay: what it asks at start, how it gives a dead one up, and how it takes it back. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startKamailio } from '../support/kamailio.ts';
import { peersPresent } from '../support/peers.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { openRtppProxy, type RtppProxy } from '../support/rtpp-proxy.ts';
import { createScope, openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { startRelay, type TestRelay } from '../support/test-relay.ts';
import { waitFor } from '../support/wait.ts';
import { talkBothWays, toldMedia } from './calls.ts';
import { placeKamailioCall } from './kamailio.ts';

async function choosePlace(scope: Scope) {
  return {
    directory: await temporaryDirectory(scope),
    sipPort: freePortRange(1),
    calleePort: await freeUdpPort(),
    relayPort: await freeUdpPort(),
  };
}

/** What one process of Kamailio asks before it uses a relay, and what it must hear. */
const PROBE = [
  ['V', '20040107'],
  ['VF 20050322', '1'],
  ['VF 20071116', '1'],
  ['VF 20081102', '1'],
];

/** Commands and replies of each of Kamailio's processes; a cookie begins with the process. */
function byProcess({ exchanges }: RtppProxy): Map<string, string[][]> {
  const processes = new Map<string, string[][]>();
  for (const { cookie, command, reply } of exchanges) {
    const [process = ''] = cookie.split('_');
    processes.set(process, [...(processes.get(process) ?? []), [command, reply]]);
  }
  return processes;
}

test('Kamailio probes our relay from each of its processes and uses what it has found: payload types after c', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const relay = await startRelay(scope);
  const proxy = await openRtppProxy(scope, { port: place.relayPort, relayPort: relay.control });
  const kamailio = await startKamailio(scope, place);
  await kamailio.waitForLine(/rtp proxy <udp:127\.0\.0\.1:\d+> found, support for it enabled/);
  const call = await placeKamailioCall(scope, place, { caller: 'caller', callee: 'callee' });
  await talkBothWays(call);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  assert.equal(await relay.ask('G nsess_created nsess_destroyed'), '1 1');

  const processes = await waitFor('the probes of all processes', () => {
    const all = [...byProcess(proxy).values()];
    return all.length > 2 && all.every(({ length }) => length >= PROBE.length) && all;
  });
  for (const exchanges of processes) {
    assert.deepEqual(exchanges.slice(0, PROBE.length), PROBE);
  }
  const [offer = '', answer = '', end, ...rest] = proxy.exchanges
    .filter(({ command }) => !command.startsWith('V'))
    .map(({ command, reply }) => `${command} -> ${reply}`);
  const { callerMedia, calleeMedia } = call;
  const told = await toldMedia(call);
  const [, callId, fromTag] = /^Uc0,101 (\S+) 127\.0\.0\.1 \d+ (\S+);1 -> /.exec(offer) ?? [];
  const [, toTag] = / (\S+);1 -> /.exec(answer) ?? [];
  const tags = `${fromTag};1 ${toTag};1`;
  assert.equal(offer, `Uc0,101 ${callId} 127.0.0.1 ${callerMedia.port} ${fromTag};1 -> ${told.callee.port} 127.0.0.1`);
  assert.equal(answer, `Lc0,101 ${callId} 127.0.0.1 ${calleeMedia.port} ${tags} -> ${told.caller.port} 127.0.0.1`);
  assert.equal(end, `D ${callId} ${fromTag} ${toTag} -> 0`);
  // rtpproxy_manage() deletes once more at the answer to the BYE, and lives with E50.
  assert.deepEqual(rest, [`D ${callId} ${fromTag} ${toTag} -> E50`]);
});

test('the relay is killed and comes back: Kamailio refuses calls, then takes it back, and the next call has audio', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const first = await startRelay(scope);
  const place = { ...(await choosePlace(scope)), relayPort: first.control };
  const kamailio = await startKamailio(scope, place);
  const before = await placeKamailioCall(scope, place, { caller: 'caller', callee: 'callee' });
  await talkBothWays(before);
  await before.caller.proceed();
  await before.caller.completes();
  await before.callee.completes();

  first.program.signal('SIGKILL');
  await first.program.waitForExit();
  const refusal = createScope();
  scope.defer(refusal.close);
  const refused = await placeKamailioCall(refusal.scope, place, {
    caller: 'caller-refused',
    callee: 'callee',
    finalStatus: 503,
  });
  await refused.caller.received(/^SIP\/2\.0 503 No Media Relay/);
  await refused.caller.completes();
  assert.deepEqual(await refused.callee.messages(), [], 'a call without a relay does not ring');
  // Its phone makes room for the next one.
  await refusal.close();
  await kamailio.waitForLine(/proxy <udp:\S+> does not respond, disable it/);
  await kamailio.waitForLine(/support for RTP proxy <udp:\S+> has been disabled/);

  const second = await startRelay(scope, 20, '-s', `udp:127.0.0.1:${place.relayPort}`);
  const after = await placeKamailioCall(scope, place, { caller: 'caller', callee: 'callee' });
  await talkBothWays(after);
  await kamailio.waitForLine(/rtp proxy <udp:\S+> found, support for it re-enabled/);
  await after.caller.proceed();
  await after.caller.completes();
  await after.callee.completes();
  await waitFor('the delete', async () => (await second.ask('G nsess_created nsess_destroyed')) === '1 1');
});

test('a set of two relays: each has its calls, and when one is killed the other has them all', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const relays = [await startRelay(scope), await startRelay(scope)] as const;
  const place = await choosePlace(scope);
  const relaySockets = relays.map(({ control }) => `udp:127.0.0.1:${control}`).join(' ');
  const kamailio = await startKamailio(scope, { ...place, relaySockets });
  const completeCall = async (callId: string): Promise<void> => {
    const call = await placeKamailioCall(scope, place, { caller: 'caller', callee: 'callee', callId });
    await talkBothWays(call);
    await call.caller.proceed();
    await call.caller.completes();
    await call.callee.completes();
  };
  const carriedBy = async (relay: TestRelay): Promise<number> => Number(await relay.ask('G nsess_created'));

  // The module adds up the bytes of the Call-ID: odd sums go to one relay and even ones to the other.
  await completeCall('call-0');
  const [first, second] = (await carriedBy(relays[0])) === 1 ? relays : [relays[1], relays[0]];
  await completeCall('call-1');
  assert.deepEqual([await carriedBy(first), await carriedBy(second)], [1, 1]);

  first.program.signal('SIGKILL');
  await first.program.waitForExit();
  await completeCall('call-2');
  await kamailio.waitForLine(/proxy <udp:\S+> does not respond, disable it/);
  await completeCall('call-3');
  assert.equal(await carriedBy(second), 3);
});

test('a unix socket between Kamailio and our relay: a connection for each command', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const path = join(place.directory, 'relay');
  const relay = await startRelay(scope, 20, '-s', `unix:${path}`);
  const kamailio = await startKamailio(scope, { ...place, relaySockets: `unix:${path}` });
  await kamailio.waitForLine(/rtp proxy <unix:\S+> found, support for it enabled/);
  const call = await placeKamailioCall(scope, place, { caller: 'caller', callee: 'callee' });
  await talkBothWays(call);
  assert.equal(await relay.ask('G nsess_created nsess_destroyed'), '1 0');
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  assert.equal(await relay.ask('G nsess_created nsess_destroyed'), '1 1');
});
