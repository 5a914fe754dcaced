/** Everything that `ims-launch` settles before it starts anything: configuration, addresses, free ports, rules. */
import { createSocket } from 'node:dgram';
import { addressQuestion } from '../../config/address-question.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { ImsError } from '../../errors.ts';
import { describeOwner, portOwner } from '../../io/port-owner.ts';
import { openRtppClient, type RtppClient } from '../../io/rtpp-client-driver.ts';
import { isLocalAddress, resolveServerAddress, type ServerAddress } from '../../io/server-address.ts';
import type { Log } from '../../observe/log.ts';
import type { SupervisorOptions } from '../../supervisor/options.ts';
import type { HealthRules, ServiceRules, SupervisorRules } from '../../supervisor/state.ts';
import { familyOf, type TransportAddress } from '../../wire/ip-address.ts';
import { reclaimStrays } from './guard.ts';

export interface LaunchSources {
  /** `--config` */
  readonly configPath: string | undefined;
  /** Values of flags by key path. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export interface LaunchSetup {
  readonly loaded: LoadedConfig;
  readonly address: ServerAddress;
  /** The relay's control socket, its name resolved. */
  readonly control: TransportAddress;
  readonly rules: SupervisorRules;
  /** Sentences for the operator: configuration, address, supervision. */
  readonly warnings: readonly string[];
}

/**
 * The client is open, and the caller's to close.
 * @throws ImsError what the operator has to change first
 */
export async function setUp(
  loaded: LoadedConfig,
  log: Log,
): Promise<{ readonly setup: LaunchSetup; readonly client: RtppClient }> {
  await reclaimStrays(loaded.config, log);
  const address = await resolveServerAddress(addressQuestion(loaded));
  await requireFreeSipPort(loaded.config, address);
  const { host, port } = loaded.config.relay;
  const client = await openRtppClient({ host, port, log });
  const control = client.remote;
  const { rules, warnings } = rulesOf(loaded, control);
  const allWarnings = [...loaded.warnings, ...address.warnings, ...warnings];
  return { setup: { loaded, address, control, rules, warnings: allWarnings }, client };
}

/** The configuration as it is now; also read again when its file changes. */
export function readConfig({ configPath, env, flags, cwd }: LaunchSources): LoadedConfig {
  return loadConfig({ path: configPath, env, flags, cwd });
}

/**
 * The setup of a system that runs, after its configuration changed. Where the control socket is stays as it was.
 *
 * @throws ImsError IMS_ERR_ADDRESS
 */
export async function reconfigure(
  former: LaunchSetup,
  loaded: LoadedConfig,
  addressChanged: boolean,
): Promise<LaunchSetup> {
  const address = addressChanged ? await resolveServerAddress(addressQuestion(loaded)) : former.address;
  const { rules, warnings } = rulesOf(loaded, former.control);
  return { ...former, loaded, address, rules, warnings: [...loaded.warnings, ...address.warnings, ...warnings] };
}

function rulesOf(
  { config }: LoadedConfig,
  control: TransportAddress,
): { readonly rules: SupervisorRules; readonly warnings: readonly string[] } {
  const { relay, ims, supervisor } = config;
  const warnings = [...idleKeys('relay', relay), ...idleKeys('ims', ims)];
  if (ims.command !== undefined && relay.further.length > 0) {
    warnings.push(
      'relay.further has no effect with ims.command: that program is told its relays in its own configuration',
    );
  }
  const relayIsElsewhere = !isLocalAddress(control.address);
  if (relayIsElsewhere && relay.autoStart) {
    warnings.push(`relay.host ${relay.host} is another machine: no relay is started from here, only looked for`);
  }
  const rules: SupervisorRules = {
    relay: {
      ...serviceRulesOf(relay),
      autoStart: relay.autoStart && !relayIsElsewhere,
      required: supervisor.requireRelay,
    },
    ims: serviceRulesOf(ims),
    health: healthRulesOf(supervisor),
    stopBudgetMs: supervisor.stopBudgetMs,
    restarts: {
      delaysMs: supervisor.restartDelaysMs,
      stableAfterMs: supervisor.stableAfterMs,
      bootAttempts: supervisor.bootAttempts,
      budget: supervisor.restartBudget,
    },
    giveUp: supervisor.giveUp,
    strategy: supervisor.strategy,
    strictStop: supervisor.strictStop,
    purgeRelay: supervisor.purgeRelayOnImsExit,
    hasRelayHook: ims.onRelayRestart !== undefined,
  };
  return { rules, warnings };
}

function serviceRulesOf(service: Config['relay' | 'ims']): ServiceRules {
  const { command, startTimeoutMs, restart, successExitCodes, killMode } = service;
  return {
    embedded: command === undefined,
    startTimeoutMs: timeoutOf(startTimeoutMs),
    restart,
    successExitCodes,
    asksRest: killMode !== 'leader',
  };
}

/** Our own programs are asked over their channel, and have no processes of their own. */
function idleKeys(
  name: 'relay' | 'ims',
  { command, stopCommand, stopSignal, killMode }: Config['relay' | 'ims'],
): string[] {
  const given = {
    stopCommand: stopCommand !== undefined,
    stopSignal: stopSignal !== 'SIGTERM',
    killMode: killMode !== 'mixed',
  };
  return Object.entries(given)
    .filter(([, isGiven]) => isGiven && command === undefined)
    .map(([key]) => `${name}.${key} has no effect without ${name}.command`);
}

/** In the configuration 0 means "no checks of media". */
function healthRulesOf(supervisor: SupervisorOptions): HealthRules {
  const { mediaCheckIntervalMs } = supervisor;
  return {
    relayIntervalMs: supervisor.healthIntervalMs,
    imsIntervalMs: supervisor.imsHealthIntervalMs,
    mediaIntervalMs: mediaCheckIntervalMs === 0 ? Number.POSITIVE_INFINITY : mediaCheckIntervalMs,
    mediaOfFound: supervisor.mediaCheckOfFound,
    maxDegradedMs: supervisor.maxDegradedMs,
    silenceMs: supervisor.heartbeatTimeoutMs,
    restartsIms: supervisor.imsHealthAction === 'restart',
  };
}

/** In the configuration 0 means "wait for ever". */
function timeoutOf(milliseconds: number): number {
  return milliseconds === 0 ? Number.POSITIVE_INFINITY : milliseconds;
}

/**
 * Binds the SIP port for a moment, as the IMS will. Without it the IMS would fail at its start, after the relay's,
 * and an external one in its own words. Which families an external one opens is its own business.
 */
async function requireFreeSipPort({ SERVER_PORT: port, ims }: Config, { bind }: ServerAddress): Promise<void> {
  const first = familyOf(bind) === 6 ? '::' : '0.0.0.0';
  for (const wildcard of ims.command === undefined ? ['0.0.0.0', '::'] : [first]) {
    const failure = await bindFailure(port, wildcard);
    if (failure === undefined || (wildcard !== first && NO_SUCH_FAMILY.has(failure.code ?? ''))) {
      continue;
    }
    const cause = { cause: failure };
    if (failure.code === 'EADDRINUSE') {
      const owner = describeOwner(portOwner('udp', port));
      throw new ImsError('IMS_ERR_PORT_IN_USE', `SIP port ${port} (UDP) is already used by ${owner}`, cause);
    }
    throw new ImsError('IMS_ERR_BIND', `SIP port ${port} (UDP) cannot be opened: ${failure.code}`, cause);
  }
}

/** What a system without IPv6, or without IPv4, answers. */
const NO_SUCH_FAMILY = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']);

function bindFailure(port: number, address: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const isIpv6 = familyOf(address) === 6;
    const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', reuseAddr: false, ipv6Only: isIpv6 });
    socket.once('error', (error) => {
      socket.close();
      resolve(error);
    });
    socket.bind(port, address, () => socket.close(() => resolve(undefined)));
  });
}
