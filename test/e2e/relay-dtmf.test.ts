/** Keys that parties press (RFC 4733), reported to a listener: `M3:1` with real packets. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { viewRtp } from '../support/datagram-view.ts';
import { keyPackets } from '../support/key-press.ts';
import { listenForNotifications } from '../support/notifications.ts';
import { RtpParty } from '../support/rtp-party.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { startRelay } from '../support/test-relay.ts';
import { waitFor } from '../support/wait.ts';

async function openCall(scope: Scope) {
  const path = join(await temporaryDirectory(scope), 'keys');
  const listener = await listenForNotifications(scope, { path });
  const relay = await startRelay(scope, 20, '-n', `unix:${path}`);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const port = async (command: string): Promise<{ address: string; port: number }> => ({
    address: '127.0.0.1',
    port: await relay.grant(command),
  });
  return { path, listener, relay, caller, callee, port };
}

/** Sequence numbers far from those of `talk`, and one source a party. */
function key(party: RtpParty, event: number, timestamp: number): Buffer[] {
  return keyPackets({ event, timestamp, durations: [160, 320, 480], ssrc: party.ssrc, sequenceNumber: timestamp });
}

function eventsHeard(party: RtpParty): number {
  return party.rtp.filter(({ bytes }) => viewRtp(bytes)?.payloadType === 101).length;
}

test('pain 26: each key of either party is one line, and the packets pass', async (t) => {
  const { path, listener, caller, callee, port } = await openCall(openScope(t));
  const forCallee = await port(`U c 127.0.0.1 ${caller.port} A unix:${path} gone && M3:1 from%20caller`);
  const forCaller = await port(`L c 127.0.0.1 ${callee.port} A B && M3:1 from+callee 101`);
  await caller.sendRtp(forCaller, [...key(caller, 1, 1000), ...key(caller, 11, 2000)]);
  await callee.sendRtp(forCallee, key(callee, 13, 1000));
  await waitFor('three lines', () => listener.text().split('\n').length === 4);
  assert.equal(listener.text(), 'from caller 1 10 480 0\nfrom caller # 10 480 0\nfrom callee B 10 480 1\n');
  await waitFor('the events at the callee', () => eventsHeard(callee) === 12);
  await waitFor('the events at the caller', () => eventsHeard(caller) === 6);
  assert.equal(listener.connections(), 1);
});

test('h keeps them from the other party, whose speech still passes', async (t) => {
  const { path, listener, relay, caller, callee, port } = await openCall(openScope(t));
  await port(`U c 127.0.0.1 ${caller.port} A unix:${path} gone && M3:1 pin 101 h`);
  const forCaller = await port(`L c 127.0.0.1 ${callee.port} A B`);
  await caller.sendRtp(forCaller, key(caller, 4, 1000));
  await caller.talk(forCaller, 5);
  await callee.waitUntilHeard(caller, 5);
  assert.equal(eventsHeard(callee), 0);
  await waitFor('the line', () => listener.text() === 'pin 4 10 480 0\n');
  assert.equal(await relay.ask('Q c A B npkts_ina nrelayed ndropped'), '11 5 6');
});

test('a recording and the keys can be had of the same party', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const listener = await listenForNotifications(scope, { path: join(directory, 'keys') });
  const relay = await startRelay(scope, 20, '-n', join(directory, 'keys'), '-r', directory);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  await relay.grant(`U c 127.0.0.1 ${caller.port} A ${join(directory, 'keys')} gone && M3:1 t`);
  const forCaller = { address: '127.0.0.1', port: await relay.grant(`L c 127.0.0.1 ${callee.port} A B`) };
  assert.equal(await relay.ask('R c A B'), '0');
  await caller.sendRtp(forCaller, key(caller, 1, 1000));
  await waitFor('the first key', () => listener.text() === 't 1 10 480 0\n');
  assert.equal(await relay.ask('N c A B'), '0');
  await caller.sendRtp(forCaller, key(caller, 2, 2000));
  await waitFor('the key after the recording', () => listener.text() === 't 1 10 480 0\nt 2 10 480 0\n');
});
