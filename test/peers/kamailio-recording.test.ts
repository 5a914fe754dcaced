/** Recordings of calls through Kamailio: its script's `start_recording`, and `Rs` from an operator beside it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { rtpIn } from '../support/tshark.ts';
import { waitFor } from '../support/wait.ts';
import { type Call, talkBothWays } from './calls.ts';
import { type KamailioSystem, placeKamailioCall, startKamailioSystem } from './kamailio.ts';

/** A call with audio both ways, hung up; `during` is given the words of RTPP that name it. */
async function recordedCall(
  scope: Scope,
  system: KamailioSystem,
  during: (callId: string, fromTag: string, toTag: string) => Promise<void> = async () => {},
): Promise<Call> {
  const call = await placeKamailioCall(scope, system, { caller: 'caller', callee: 'callee' });
  const answer = await call.caller.received(/^SIP\/2\.0 200/);
  const tag = (header: string): string => /;tag=([^;]+)/.exec(headerOf(answer, header) ?? '')?.[1] ?? '';
  await during(headerOf(answer, 'Call-ID') ?? '', tag('From'), tag('To'));
  await talkBothWays(call);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  return call;
}

/** Sources of the RTP that tshark finds in a file, in order of appearance. */
function ssrcsIn(path: string): number[] {
  return [...new Set(rtpIn(path, ['rtp.ssrc']).map(([ssrc]) => Number(ssrc)))];
}

test('Kamailio as the IMS: start_recording in request and reply gives a file of each party, which tshark decodes', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp', 'tshark')) return;
  const scope = openScope(t);
  const [recordings, spool] = [await temporaryDirectory(scope), await temporaryDirectory(scope)];
  const system = await startKamailioSystem(scope, {
    // A file leaves the spool when it is complete.
    relay: { recordingDirectory: recordings, spoolDirectory: spool },
    kamailio: { record: true },
  });
  const { callerMedia, calleeMedia } = await recordedCall(scope, system);
  await waitFor('the files of both parties', () => readdirSync(recordings).length === 4);
  for (const [ending, party] of [
    ['.o.rtp', callerMedia],
    ['.a.rtp', calleeMedia],
  ] as const) {
    const file = readdirSync(recordings).find((name) => name.endsWith(ending)) ?? 'none';
    assert.deepEqual(ssrcsIn(join(recordings, file)), [party.ssrc], ending);
  }
  await system.stop();
});

test('Rs during a call that Kamailio has set up: one pcap of both parties, there when Kamailio deletes the call', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp', 'tshark')) return;
  const scope = openScope(t);
  const [recordings, spool] = [await temporaryDirectory(scope), await temporaryDirectory(scope)];
  const system = await startKamailioSystem(scope, {
    relay: { recordingDirectory: recordings, spoolDirectory: spool },
  });
  let name = '';
  const { callerMedia, calleeMedia } = await recordedCall(scope, system, async (callId, fromTag, toTag) => {
    name = `${callId}=${fromTag}.pcap`;
    assert.equal(await askRelay(system.relayPort, `Rs ${callId} ${fromTag} ${toTag}`), '0');
    assert.equal(await askRelay(system.relayPort, `Rs ${callId} ${toTag} ${fromTag}`), '0');
    assert.deepEqual(readdirSync(recordings), []);
    assert.deepEqual(readdirSync(spool), [name]);
  });
  await waitFor('the complete file', () => readdirSync(recordings).length > 0);
  assert.deepEqual([readdirSync(recordings), readdirSync(spool)], [[name], []]);
  const found = new Set(ssrcsIn(join(recordings, name)));
  assert.deepEqual(found, new Set([callerMedia.ssrc, calleeMedia.ssrc]));
  await system.stop();
});
