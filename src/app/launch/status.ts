/** The supervisor's state, told to people and scripts. */
import { overridesOf } from '../../config/overrides.ts';
import type { HealthStatus, MediaHealthStatus, ServiceStatus, SystemStatus, Verdict } from '../../control/status.ts';
import type { LogState } from '../../observe/logger.ts';
import type { FlowCounts } from '../../relay/media/flow-states.ts';
import {
  type Component,
  type Health,
  isServing,
  type MediaHealth,
  MISSES_TOLD,
  type ServiceName,
  type SupervisorState,
} from '../../supervisor/state.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';
import type { LaunchSetup } from './setup.ts';
import { describeWait } from './waits.ts';

/** What the supervisor does not know, or need not. */
export interface StatusContext {
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly startedAt: number;
  /** The same by the clock on the wall, RFC 3339. */
  readonly startedTime: string;
  readonly version: string;
  readonly configPath: string;
  /** Undefined: the setup is not complete. */
  readonly setup: LaunchSetup | undefined;
  /** How a relay that was found described itself. */
  readonly relayFound: string | undefined;
  /** Calls or sessions, from the last heartbeat. */
  readonly active: ReadonlyMap<ServiceName, number>;
  /** How late their event loops were, milliseconds, from the last heartbeat. */
  readonly loopLags: ReadonlyMap<ServiceName, number>;
  /** Ways of the relay's legs, from its last heartbeat; undefined: it has only one. */
  readonly relayFlows?: FlowCounts | undefined;
  /** Processes started so far. */
  readonly spawns: ReadonlyMap<ServiceName, number>;
  /** The file holds something else than what is in force. */
  readonly configStale: boolean;
  readonly log: LogState & { readonly file: string | undefined; readonly fileDropped: number };
}

export function systemStatus(state: SupervisorState, context: StatusContext): SystemStatus {
  const { now, startedAt, version, configPath } = context;
  return {
    version,
    pid: process.pid,
    uptimeMs: Math.round(now - startedAt),
    startedTime: context.startedTime,
    phase: state.phase,
    verdict: verdictOf(state),
    config: configPath,
    configStale: context.configStale,
    overrides: context.setup === undefined ? [] : overridesOf(context.setup.loaded),
    drain: state.drain === undefined ? null : { endsInMs: Math.max(0, Math.round(state.drain.endsAt - now)) },
    stopping: state.stop?.reason ?? null,
    waitsFor: describeWait(now, state, context.active) ?? null,
    log: { ...context.log, file: context.log.file ?? null },
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
    health: healthOf(name, state, context),
    ...(name === 'relay' && isAlive && context.relayFlows !== undefined && { flows: context.relayFlows }),
  };
}

function healthOf(name: ServiceName, state: SupervisorState, { now, loopLags }: StatusContext): HealthStatus | null {
  const { condition } = state[name];
  if (!('health' in condition)) {
    return null;
  }
  const { misses, answeredAt, latencyMs, media } = condition.health;
  const isChecked = media.asking || media.askAt !== Number.POSITIVE_INFINITY;
  return {
    misses,
    answeredAgoMs: agoOf(now, answeredAt),
    latencyMs: rounded(latencyMs),
    loopLagMs: loopLags.get(name) ?? null,
    media: isChecked ? mediaStatus(now, media) : null,
  };
}

function mediaStatus(now: number, { checks, checkedAt, misses, delayMs, finding }: MediaHealth): MediaHealthStatus {
  return {
    checks,
    checkedAgoMs: agoOf(now, checkedAt),
    misses,
    delayMs: rounded(delayMs),
    finding: finding === '' ? null : finding,
  };
}

function agoOf(now: number, at: number): number | null {
  return at === Number.NEGATIVE_INFINITY ? null : Math.round(now - at);
}

/** To a hundredth of a millisecond. */
function rounded(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : Math.round(milliseconds * 100) / 100;
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
    case 'adopted': {
      const trouble = troubleOf(condition.health);
      return `found: ${relayFound ?? ''}${trouble === undefined ? '' : `; ${trouble}`}`;
    }
    case 'unhealthy':
      return troubleOf(condition.health) ?? null;
    case 'idle':
      return name === 'relay' ? 'none answers' : 'waits for the relay';
    default:
      return null;
  }
}

/** Why the service cannot serve although it lives; undefined: it can. */
export function troubleOf({ misses, media }: Health): string | undefined {
  if (misses >= MISSES_TOLD) {
    return `${misses} health questions without an answer`;
  }
  return media.misses >= MISSES_TOLD ? `media does not pass: ${media.finding}` : undefined;
}
