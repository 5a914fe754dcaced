/** Kamailio in place of our IMS: `ims.command` under ims-launch, its rtpproxy module talking to our relay. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { projectRoot } from '../support/project.ts';
import { RtpParty } from '../support/rtp-party.ts';
import { activeSessions } from '../support/rtpp.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { Sipp } from '../support/sipp.ts';
import { type Place, startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';
import { type Call, startCaller, talkBothWays, toldMedia } from './calls.ts';

test('Kamailio as the IMS: RTP and RTCP both ways through our relay, and BYE deletes the session', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const calleePort = await freeUdpPort();
  const system = await startSystem(scope, { config: async (place) => kamailioAsIms(place, calleePort) });
  const callerMedia = await RtpParty.open(scope, 'caller');
  const calleeMedia = await RtpParty.open(scope, 'callee');
  const callee = await Sipp.start(scope, { scenario: 'callee', localPort: calleePort, media: calleeMedia });
  const caller = await startCaller(scope, system, { scenario: 'caller', media: callerMedia });
  const call: Call = { caller, callee, callerMedia, calleeMedia };

  await talkBothWays(call);
  assert.equal(await activeSessions(system.relayPort), 1);
  const told = await toldMedia(call);
  for (const media of [told.caller, told.callee]) {
    assert.equal(media.address, '127.0.0.1');
    assert.ok(media.port >= system.minPort && media.port < system.maxPort, `port ${media.port} is the relay's`);
  }
  assert.ok(callerMedia.heardFrom(calleeMedia).every(({ fromPort }) => fromPort === told.caller.port));
  assert.ok(calleeMedia.heardFrom(callerMedia).every(({ fromPort }) => fromPort === told.callee.port));

  await caller.proceed();
  await caller.completes();
  await callee.completes();
  await system.expectNoSessions();
  await system.stop();
});

test('Kamailio as the IMS: a busy callee leaves no session at our relay', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const calleePort = await freeUdpPort();
  const system = await startSystem(scope, { config: async (place) => kamailioAsIms(place, calleePort) });
  const media = await RtpParty.open(scope, 'caller');
  const callee = await Sipp.start(scope, { scenario: 'callee-busy', localPort: calleePort });
  const caller = await startCaller(scope, system, { scenario: 'caller-refused', media, finalStatus: 486 });
  await caller.completes();
  await callee.completes();
  await system.expectNoSessions();
  await system.stop();
});

test('Kamailio as the IMS: start_recording in request and reply gives a file of each party, which tshark decodes', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp', 'tshark')) return;
  const scope = openScope(t);
  const calleePort = await freeUdpPort();
  const recordings = await temporaryDirectory(scope);
  const system = await startSystem(scope, {
    config: async (place) => ({
      ...(await kamailioAsIms(place, calleePort, ['-A', 'RECORD'])),
      relay: { recordingDirectory: recordings },
    }),
  });
  const callerMedia = await RtpParty.open(scope, 'caller');
  const calleeMedia = await RtpParty.open(scope, 'callee');
  const callee = await Sipp.start(scope, { scenario: 'callee', localPort: calleePort, media: calleeMedia });
  const caller = await startCaller(scope, system, { scenario: 'caller', media: callerMedia });
  await talkBothWays({ caller, callee, callerMedia, calleeMedia });
  await caller.proceed();
  await caller.completes();
  await callee.completes();
  await system.expectNoSessions();
  await waitFor('the files of both parties', () => readdirSync(recordings).length === 4);
  for (const [ending, party] of [
    ['.o.rtp', callerMedia],
    ['.a.rtp', calleeMedia],
  ] as const) {
    const file = readdirSync(recordings).find((name) => name.endsWith(ending)) ?? 'none';
    const rows = execFileSync(
      'tshark',
      ['-r', join(recordings, file), '-o', 'rtp.heuristic_rtp:TRUE', '-Y', 'rtp', '-T', 'fields', '-e', 'rtp.ssrc'],
      { encoding: 'utf8' },
    );
    const ssrcs = new Set(rows.trim().split('\n').map(Number));
    assert.deepEqual([...ssrcs], [party.ssrc], ending);
  }
  await system.stop();
});

/** Writes Kamailio's configuration, and returns the keys of config.json that make it the IMS. */
async function kamailioAsIms(
  place: Place,
  calleePort: number,
  more: readonly string[] = [],
): Promise<Record<string, unknown>> {
  const source = await readFile(join(projectRoot, 'test', 'peers', 'kamailio', 'ims.cfg'), 'utf8');
  const path = join(place.directory, 'kamailio.cfg');
  await writeFile(
    path,
    source
      .replaceAll('@SIP_PORT@', String(place.sipPort))
      .replaceAll('@RELAY_PORT@', String(place.relayPort))
      .replaceAll('@CALLEE_PORT@', String(calleePort)),
  );
  // -DD -E: in the foreground, logging to standard error; small memory pools for one call.
  const command = ['kamailio', '-DD', '-E', '-f', path, '-Y', place.directory, '-m', '32', '-M', '8', ...more];
  return { ims: { command } };
}
