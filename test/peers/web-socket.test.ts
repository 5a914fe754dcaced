/** A browser's phone (sip.js over a WebSocket) and sipp over UDP: each calls, each hangs up, media both ways. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrowserPhone } from '../support/browser-phone.ts';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { registerWithSipp, Sipp } from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';
import { startCaller } from './calls.ts';

interface World {
  readonly system: System;
  readonly url: string;
}

async function startWorld(scope: Scope): Promise<World> {
  let wsPort = 0;
  const system = await startSystem(scope, {
    config: async ({ maxPort }) => {
      wsPort = maxPort + 1;
      return { ims: { wsPort } };
    },
  });
  return { system, url: `ws://127.0.0.1:${wsPort}` };
}

test('a browser is called by a phone over UDP, at a Contact that only its WebSocket leads to', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const { system, url } = await startWorld(scope);
  const browserMedia = await RtpParty.open(scope, 'browser');
  const browser = await BrowserPhone.start(scope, { user: '1002', server: url, media: browserMedia });
  const callerMedia = await RtpParty.open(scope, 'caller');
  const caller = await startCaller(scope, system, { scenario: 'caller-waits', media: callerMedia });
  await browser.established();
  const told = await caller.mediaToldBy(/^SIP\/2\.0 200/);
  await converse({ party: callerMedia, to: told }, { party: browserMedia, to: browser.remoteAudio });
  await browser.hangUp();
  await caller.completes();
  await system.expectNoSessions();
  const cdr = await system.cdr();
  assert.deepEqual([cdr.status, cdr.endedBy], [200, 'callee']);
  await system.stop();
});

test('a browser calls a phone over UDP, and its BYE comes back over the WebSocket', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const { system, url } = await startWorld(scope);
  const browserMedia = await RtpParty.open(scope, 'browser');
  const browser = await BrowserPhone.start(scope, { user: '1001', server: url, media: browserMedia });
  const calleeMedia = await RtpParty.open(scope, 'callee');
  const localPort = await freeUdpPort();
  await registerWithSipp(scope, { localPort, remotePort: system.sipPort, service: '1002', password: '1234' });
  const callee = await Sipp.start(scope, { scenario: 'callee-hangs-up', localPort, media: calleeMedia });
  await browser.call('sip:1002@127.0.0.1');
  const invite = await callee.received(/^INVITE/);
  assert.match(headerOf(invite, 'Via') ?? '', /^SIP\/2\.0\/UDP /);
  await callee.received(/^ACK/);
  await browser.established();
  const told = await callee.mediaToldBy(/^INVITE/);
  await converse({ party: calleeMedia, to: told }, { party: browserMedia, to: browser.remoteAudio });
  await callee.proceed();
  await callee.completes();
  await browser.ended();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).endedBy, 'callee');
  await system.stop();
});
