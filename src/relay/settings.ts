import type { ImsDialectMode } from '../rtpp/ims-dialect.ts';
import type { NotifyTarget } from '../rtpp/notify.ts';
import type { LocalAddress } from './local-addresses.ts';
import type { RecordingFormat } from './recording/tap.ts';

/** How one relay behaves; made from the command line or by `createRelay`. */
export interface RelaySettings {
  /** Bind addresses in the order given; the first is the default. Never empty. */
  readonly addresses: readonly LocalAddress[];
  /** In bridging mode: the outer of two networks; the first of `addresses` is the inner one. */
  readonly external: LocalAddress | undefined;
  /** Media ports, both inclusive; pairs begin at even ports. */
  readonly minPort: number;
  readonly maxPort: number;
  /** `-b`: ports in ascending order, round robin, as rtpproxy does it. */
  readonly sequentialPorts: boolean;
  /** Ports that hold something else, such as the control socket. */
  readonly reservedPorts: readonly number[];
  /** `-T`: a session without packets and commands ends after this time. */
  readonly ttlSeconds: number;
  /** `-W`: the same before its second leg is open. */
  readonly setupTtlSeconds: number;
  /** `-i`: each leg has its own clock, and one that runs out ends the session. */
  readonly ttlPerLeg: boolean;
  /** A session with a party on hold may be silent for this long, if that is longer. */
  readonly holdTtlSeconds: number;
  /** A session ends at this age, whoever still speaks; 0: never. */
  readonly maxLifetimeSeconds: number;
  /** Legs that believe the signalled host and never learn, unless a command says `S`. */
  readonly asymmetricByDefault: boolean;
  readonly imsDialect: ImsDialectMode;
  /** `-n`: who may be told of a session's time-out, by the last words of a `U`. */
  readonly notifyTargets: readonly NotifyTarget[];
  /** `-r`: what files of recordings are like; undefined: none can be made. */
  readonly recording: { readonly format: RecordingFormat; readonly everySession: boolean } | undefined;
  /** Whether RTCP is recorded and copied, too; `-R` switches it off. */
  readonly recordRtcp: boolean;
  /** Sessions at once; one more gets E72. */
  readonly maxSessions: number;
}

/** Far above what the port range of any real host allows; a bound for memory, not a licence. */
export const DEFAULT_MAX_SESSIONS = 30_000;
