/** Everything that the doctor wants to know, looked up on this machine. Sends nothing but to relay and IMS. */

import { addressQuestion } from '../../config/address-question.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { LauncherFacts } from '../../doctor/facts/launcher.ts';
import type { Facts } from '../../doctor/facts.ts';
import { firewallListing } from '../../io/firewall-listing.ts';
import { isLocalAddress, resolveServerAddress } from '../../io/server-address.ts';
import { collectIms } from './ims.ts';
import { type AddressFacts, collectNetwork } from './network.ts';
import { collectRelay } from './relay.ts';
import { collectSystem, watchClock } from './system.ts';

export interface Collection extends Pick<Facts, 'program' | 'configFlag'> {
  readonly loaded: LoadedConfig;
  readonly launcher: LauncherFacts;
  /** The launcher says that the file's content is not what is in force. */
  readonly stale: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Never rejects for what is wrong with the machine. Takes a few seconds at most, where nothing answers. */
export async function collectFacts({ loaded, launcher, stale, env, ...naming }: Collection): Promise<Facts> {
  const clock = watchClock();
  const address = await settleAddress(loaded);
  const [relay, ims, firewall] = await Promise.all([
    collectRelay(loaded),
    collectIms(loaded, launcher, address),
    firewallListing(),
  ]);
  return {
    ...naming,
    configuration: { path: loaded.path, found: loaded.fileFound, stale },
    launcher,
    relay,
    ims,
    network: collectNetwork({ loaded, address, firewall, relay, env }),
    system: collectSystem(clock),
  };
}

async function settleAddress(loaded: LoadedConfig): Promise<AddressFacts> {
  const question = addressQuestion(loaded);
  try {
    const { advertised, bind } = await resolveServerAddress(question);
    return { kind: 'known', advertised, bind, advertisedIsLocal: isLocalAddress(advertised) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'unknown', key: reason.includes('relay.bindAddress') ? 'relay.bindAddress' : 'SERVER_ADDR', reason };
  }
}
