/** Calls through Kamailio: what the kamailio-*.test.ts begin with. */

import { type KamailioOptions, kamailioCommand } from '../support/kamailio.ts';
import { freeUdpPort } from '../support/ports.ts';
import { RtpParty } from '../support/rtp-party.ts';
import type { Scope } from '../support/scope.ts';
import { Sipp, type SippOptions } from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';
import { type Call, startCaller } from './calls.ts';

export interface KamailioSystem extends System {
  readonly calleePort: number;
}

/** Keys of config.json besides the test's own, and what Kamailio's script is to do. */
export interface KamailioSystemOptions {
  readonly relay?: Readonly<Record<string, unknown>>;
  readonly kamailio?: Pick<KamailioOptions, 'record'>;
}

/** ims-launch with our relay, and Kamailio as `ims.command`. */
export async function startKamailioSystem(
  scope: Scope,
  { relay = {}, kamailio }: KamailioSystemOptions = {},
): Promise<KamailioSystem> {
  const calleePort = await freeUdpPort();
  const system = await startSystem(scope, {
    config: async (place) => ({
      ims: { command: await kamailioCommand({ ...place, calleePort, ...kamailio }) },
      relay,
    }),
  });
  return { ...system, calleePort };
}

/** Two phones of sipp; Kamailio needs nobody to register. */
export async function placeKamailioCall(
  scope: Scope,
  at: { readonly sipPort: number; readonly calleePort: number },
  { caller: callerScenario, callee: calleeScenario, ...more }: KamailioCallOptions,
): Promise<Call> {
  const callerMedia = await RtpParty.open(scope, 'caller');
  const calleeMedia = await RtpParty.open(scope, 'callee');
  const callee = await Sipp.start(scope, {
    scenario: calleeScenario,
    localPort: at.calleePort,
    media: calleeMedia,
  });
  const caller = await startCaller(scope, at, { scenario: callerScenario, media: callerMedia, ...more });
  return { caller, callee, callerMedia, calleeMedia };
}

export interface KamailioCallOptions extends Pick<SippOptions, 'callId' | 'finalStatus' | 'laterMedia'> {
  readonly caller: string;
  readonly callee: string;
}
