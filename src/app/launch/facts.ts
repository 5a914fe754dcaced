/** What an operator wants to know when the system is up, gathered as data; `cli/banner.ts` words it. */
import { optionCatalogue } from '../../config/catalogue.ts';
import type { ImsDetails, RelayDetails } from '../../observe/ipc.ts';
import { withoutSecretArguments } from './output.ts';
import type { LaunchSetup } from './setup.ts';

export interface LaunchFacts {
  readonly sip: {
    readonly port: number;
    /** What phones are told, when a NAT maps the port. */
    readonly publicPort: number;
    readonly pid: number | undefined;
    /** The command in place of `ims-server`. */
    readonly command: readonly string[] | undefined;
    readonly listen: readonly string[];
  };
  readonly address: { readonly advertised: string; readonly bind: string; readonly source: string };
  readonly media: { readonly minPort: number; readonly maxPort: number };
  readonly relay: RelayFacts;
  /** With which the built-in IMS shares its calls: `udp:192.0.2.7:7722, weight 3`. */
  readonly furtherRelays: readonly string[];
  /** User names, the first of them with a password that everybody knows, if any has one. */
  readonly users: readonly string[];
  readonly publishedUsers: readonly string[];
  /** Where its pages are; undefined: there are none. */
  readonly dashboard: string | undefined;
  readonly warnings: readonly string[];
}

export type RelayFacts = { readonly control: string } & (
  | {
      readonly kind: 'started';
      readonly pid: number;
      readonly command: readonly string[] | undefined;
      readonly details: RelayDetails | undefined;
    }
  | { readonly kind: 'found'; readonly description: string }
  /** None answers, and none is started from here: why not. */
  | { readonly kind: 'absent'; readonly reason: string }
);

export interface LiveFacts {
  readonly relayPid: number | undefined;
  readonly relayFound: string | undefined;
  readonly relayIsThere: boolean;
  /** Why calls through it fail, as the last look at its media told. */
  readonly relayTrouble: string | undefined;
  readonly relayDetails: RelayDetails | undefined;
  readonly imsPid: number | undefined;
  readonly imsDetails: ImsDetails | undefined;
  readonly dashboard: string | undefined;
}

export function launchFacts(setup: LaunchSetup, live: LiveFacts): LaunchFacts {
  const { config } = setup.loaded;
  const users = Object.keys(config.USERS);
  return {
    sip: {
      port: config.SERVER_PORT,
      publicPort: config.SERVER_PUBLIC_PORT ?? config.SERVER_PORT,
      pid: live.imsPid,
      command: shown(config.ims.command),
      listen: live.imsDetails?.listen ?? [],
    },
    address: setup.address,
    media: { minPort: config.relay.minPort, maxPort: config.relay.maxPort },
    relay: relayFacts(setup, live),
    dashboard: live.dashboard,
    furtherRelays:
      config.ims.command === undefined
        ? config.relay.further.map(({ control, weight }) => `${control}, weight ${weight}`)
        : [],
    users,
    publishedUsers: users.filter((user) => config.USERS[user] === PUBLISHED_PASSWORDS[user]),
    warnings:
      live.relayTrouble === undefined ? setup.warnings : [...setup.warnings, `calls fail: ${live.relayTrouble}`],
  };
}

function relayFacts({ loaded: { config }, rules }: LaunchSetup, live: LiveFacts): RelayFacts {
  const control = `udp ${config.relay.host}:${config.relay.port}`;
  if (!live.relayIsThere) {
    const reason = rules.relay.autoStart
      ? 'it is being restarted'
      : config.relay.autoStart
        ? 'it is on another machine'
        : 'RTPPROXY_AUTO_START=0: none is started';
    return { control, kind: 'absent', reason };
  }
  return live.relayFound === undefined && live.relayPid !== undefined
    ? { control, kind: 'started', pid: live.relayPid, command: shown(config.relay.command), details: live.relayDetails }
    : { control, kind: 'found', description: live.relayFound ?? '' };
}

/** The accounts that the package comes with. */
const PUBLISHED_PASSWORDS = (optionCatalogue().find((option) => option.key === 'USERS')?.default ?? {}) as Readonly<
  Record<string, string>
>;

/** The block is copied into tickets. */
function shown(command: readonly string[] | undefined): readonly string[] | undefined {
  return command === undefined ? undefined : withoutSecretArguments(command);
}
