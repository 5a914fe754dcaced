/** Two sipp sides with their phones' media, at one system: what each of the sipp tests begins with. */
import assert from 'node:assert/strict';
import { freeUdpPort } from '../support/ports.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import type { Scope } from '../support/scope.ts';
import { type MediaLine, mediaOf } from '../support/sip-log.ts';
import { registerWithSipp, Sipp, type SippOptions } from '../support/sipp.ts';
import type { System } from '../support/system.ts';

export const CALLER = '1001';
export const CALLEE = '1002';

export interface Call {
  readonly caller: Sipp;
  readonly callee: Sipp;
  readonly callerMedia: RtpParty;
  readonly calleeMedia: RtpParty;
}

export interface Scenarios {
  readonly caller: string;
  readonly callee: string;
  /** What the caller's scenario expects in the end, if it is not 200. */
  readonly finalStatus?: number;
  /** User that registers and is called, CALLEE unless told. */
  readonly calleeUser?: string;
  /** `udp` unless told. */
  readonly callerTransport?: 'udp' | 'tcp';
  readonly calleeTransport?: 'udp' | 'tcp';
  readonly callerVideo?: RtpParty;
  readonly calleeVideo?: RtpParty;
}

/** Registers the callee, lets it wait for a call in its scenario, and lets the caller begin. */
export async function placeCall(scope: Scope, system: Pick<System, 'sipPort'>, scenarios: Scenarios): Promise<Call> {
  const callerMedia = await RtpParty.open(scope, 'caller');
  const calleeMedia = await RtpParty.open(scope, 'callee');
  const calleePort = await freeUdpPort();
  await registerWithSipp(scope, {
    localPort: calleePort,
    remotePort: system.sipPort,
    service: scenarios.calleeUser ?? CALLEE,
    password: '1234',
    transport: scenarios.calleeTransport ?? 'udp',
  });
  const callee = await Sipp.start(scope, {
    scenario: scenarios.callee,
    transport: scenarios.calleeTransport ?? 'udp',
    localPort: calleePort,
    media: calleeMedia,
    video: scenarios.calleeVideo,
  });
  const caller = await startCaller(scope, system, {
    scenario: scenarios.caller,
    transport: scenarios.callerTransport ?? 'udp',
    service: scenarios.calleeUser ?? CALLEE,
    media: callerMedia,
    video: scenarios.callerVideo,
    ...(scenarios.finalStatus !== undefined && { finalStatus: scenarios.finalStatus }),
  });
  return { caller, callee, callerMedia, calleeMedia };
}

/** A caller alone, for calls that reach nobody or a callee of the test's own. */
export async function startCaller(
  scope: Scope,
  system: Pick<System, 'sipPort'>,
  options: Pick<SippOptions, 'scenario'> & Partial<SippOptions>,
): Promise<Sipp> {
  return await Sipp.start(scope, {
    localPort: await freeUdpPort(),
    remotePort: system.sipPort,
    service: CALLEE,
    caller: CALLER,
    password: '1234',
    ...options,
  });
}

/** Where each side was told to send its audio: the caller by the answer, the callee by the offer. */
export async function toldMedia(call: Call): Promise<{ readonly caller: MediaLine; readonly callee: MediaLine }> {
  return {
    caller: await call.caller.mediaToldBy(/^SIP\/2\.0 200/),
    callee: await call.callee.mediaToldBy(/^INVITE/),
  };
}

/** RTP and RTCP both ways, each side sending to where it was told to. */
export async function talkBothWays(call: Call): Promise<void> {
  const told = await toldMedia(call);
  await call.callee.received(/^ACK/);
  await converse({ party: call.callerMedia, to: told.caller }, { party: call.calleeMedia, to: told.callee });
}

/** The held side has had its `nth` INVITE and the ACK to its answer. */
export async function reinvited(side: Sipp, nth: number): Promise<void> {
  await side.received(/^INVITE/, nth);
  await side.received(/^ACK/, nth);
}

/** The audio line that this side was told last. */
export async function latestMedia(side: Sipp): Promise<MediaLine> {
  const received = (await side.messages()).filter((message) => message.direction === 'received');
  const [audio] = received.map(mediaOf).findLast((lines) => lines.length > 0) ?? [];
  assert.ok(audio);
  return audio;
}
