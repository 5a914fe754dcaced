/** The supervisor's state, told to people and scripts. */
import type { ServiceStatus, SystemStatus, Verdict } from '../../control/status.ts';
import { type Component, isServing, type ServiceName, type SupervisorState } from '../../supervisor/state.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';
import type { LaunchSetup } from './setup.ts';

/** What the supervisor does not know, or need not. */
export interface StatusContext {
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly startedAt: number;
  readonly version: string;
  readonly configPath: string;
  /** Undefined: the setup is not complete. */
  readonly setup: LaunchSetup | undefined;
  /** How a relay that was found described itself. */
  readonly relayFound: string | undefined;
  /** Calls or sessions, from the last heartbeat. */
  readonly active: ReadonlyMap<ServiceName, number>;
  /** Processes started so far. */
  readonly spawns: ReadonlyMap<ServiceName, number>;
}

export function systemStatus(state: SupervisorState, context: StatusContext): SystemStatus {
  const { now, startedAt, version, configPath } = context;
  return {
    version,
    pid: process.pid,
    uptimeMs: Math.round(now - startedAt),
    phase: state.phase,
    verdict: verdictOf(state),
    config: configPath,
    drain: state.drain === undefined ? null : { endsInMs: Math.max(0, Math.round(state.drain.endsAt - now)) },
    stopping: state.stop?.reason ?? null,
    services: { relay: serviceStatus('relay', state, context), ims: serviceStatus('ims', state, context) },
  };
}

/** `ready` means that a new call would work: neither a stop nor a drain counts as that. */
export function verdictOf(state: SupervisorState): Verdict {
  const { phase, drain, relay, ims } = state;
  if (phase === 'stopping' || phase === 'done' || drain !== undefined) {
    return 'degraded';
  }
  if (isServing(relay) && isServing(ims)) {
    return 'ready';
  }
  return isComing(state, relay) || isComing(state, ims) ? 'starting' : 'degraded';
}

function isComing({ ims, rules }: SupervisorState, { condition }: Component): boolean {
  switch (condition.kind) {
    case 'starting':
    case 'backoff':
    case 'stopping':
      return true;
    case 'adopted':
      return condition.proofsLeft > 0;
    case 'idle':
      // A relay that somebody else is to start may never come: once the IMS serves, that is its lasting state.
      return rules.relay.autoStart || !ims.history.everReady;
    default:
      return false;
  }
}

function serviceStatus(name: ServiceName, state: SupervisorState, context: StatusContext): ServiceStatus {
  const { condition, incarnation } = state[name];
  const isAlive = incarnation !== undefined && !incarnation.exited;
  return {
    state: condition.kind,
    pid: isAlive ? (incarnation.pid ?? null) : null,
    uptimeMs: isAlive ? Math.round(context.now - incarnation.spawnedAt) : null,
    restarts: Math.max(0, (context.spawns.get(name) ?? 0) - 1),
    active: isAlive ? (context.active.get(name) ?? null) : null,
    where: context.setup === undefined ? '' : whereOf(name, context.setup),
    detail: detailOf(name, state, context),
  };
}

function whereOf(name: ServiceName, { loaded: { config }, address, control }: LaunchSetup): string {
  return name === 'relay'
    ? `udp ${formatTransportAddress(control)}`
    : `sip ${formatTransportAddress({ address: address.advertised, port: config.SERVER_PORT })}`;
}

function detailOf(name: ServiceName, state: SupervisorState, { now, relayFound }: StatusContext): string | null {
  const { condition } = state[name];
  if (state.drain?.service === name && isServing(state[name])) {
    return 'draining: nothing new is taken';
  }
  switch (condition.kind) {
    case 'starting':
      return condition.finding;
    case 'failed':
      return `${condition.finding}; "ims-launch restart ${name}" tries again`;
    case 'backoff':
      return `starts again in ${Math.max(0, Math.round(condition.retryAt - now))} ms`;
    case 'adopted':
      return `found: ${relayFound ?? ''}`;
    case 'unhealthy':
      return `${condition.health.misses} health questions without an answer`;
    case 'idle':
      return name === 'relay' ? 'none answers' : 'waits for the relay';
    default:
      return null;
  }
}
