/** What the doctor is told: gathered by `app/doctor/`, judged here. Optional means: not asked, or not to be known. */

import type { ImsFacts } from './facts/ims.ts';
import type { LauncherFacts } from './facts/launcher.ts';
import type { NetworkFacts } from './facts/network.ts';
import type { RelayFacts } from './facts/relay.ts';
import type { SystemFacts } from './facts/system.ts';

export interface Facts {
  /** What is typed for `ims-launch`, quoted for a shell; and ` --config FILE`, or nothing. */
  readonly program: string;
  readonly configFlag: string;
  readonly configuration: ConfigurationFacts;
  readonly launcher: LauncherFacts;
  readonly relay: RelayFacts;
  readonly ims: ImsFacts;
  readonly network: NetworkFacts;
  readonly system: SystemFacts;
}

export interface ConfigurationFacts {
  /** Absolute. */
  readonly path: string;
  /** False: there is no such file, and the defaults are in force. */
  readonly found: boolean;
  /** Of a running launcher: the file was changed to what it cannot take. */
  readonly stale: boolean;
  /** Why it cannot be used. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Without a configuration nothing else can be asked. */
export interface NoFacts {
  readonly configuration: ConfigurationFacts;
}

export function areFacts(facts: Facts | NoFacts): facts is Facts {
  return 'relay' in facts;
}
