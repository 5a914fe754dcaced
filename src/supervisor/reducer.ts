/**
 * The supervisor as one pure function. Facts are handled first; then `settle` looks at the whole: whatever is due
 * and allowed is begun, so no order of facts can leave a service forgotten.
 */
import { assertNever } from '../wire/assert-never.ts';
import type { SupervisorEffect, SupervisorEvent } from './events.ts';
import { endHang, hangsAt } from './hang.ts';
import { CHECK_LIMIT_MS, handleHealthChecked } from './health.ts';
import {
  becomeReady,
  handleExited,
  handleExtinct,
  handleSpawned,
  handleSpawnFailed,
  READINESS_POLL_MS,
  spawn,
} from './lifecycle.ts';
import { askMedia, handleMediaChecked } from './media-health.ts';
import { endLateDrain, handleDrainAsked, handleKillAsked, handleRestartAsked, handleStopAsked } from './orders.ts';
import { handleCounted, handleReconfigured, restartPlanned } from './reconfigure.ts';
import {
  handleClaimed,
  handleMediaProved,
  handleProbed,
  handleRelayChecked,
  isGateOpen,
  searchRelay,
  startRelay,
} from './relay.ts';
import { handleLate } from './self-doubt.ts';
import { isServing, type Phase, type ServiceName, type SupervisorState } from './state.ts';
import { beginStop, continueStop, continueTeardown, handleStopSignal, handleSwept, stopService } from './teardown.ts';
import { Turn } from './turn.ts';

const SERVICES = ['relay', 'ims'] as const satisfies readonly ServiceName[];

/** Answers that could start something; once everything stops they come too late. */
const LEADS_UPWARDS: ReadonlySet<SupervisorEvent['kind']> = new Set([
  'configured',
  'reconfigured',
  'relay-probed',
  'control-claimed',
  'reported-ready',
  'checked',
  'media-proved',
  'media-checked',
]);

/**
 * @param now monotonic milliseconds
 * @param random gives numbers in [0, 1): jitter of restart delays
 */
export function reduce(
  now: number,
  state: SupervisorState,
  event: SupervisorEvent,
  random: () => number,
): { readonly state: SupervisorState; readonly effects: readonly SupervisorEffect[] } {
  if (state.phase === 'done') {
    return { state, effects: [] };
  }
  const turn = new Turn(now, state, random);
  if (isStale(state, event)) {
    turn.report('debug', 'comp.stale', 'a fact about an earlier incarnation is ignored', { reason: event.kind });
  } else if (state.phase === 'stopping' && LEADS_UPWARDS.has(event.kind)) {
    turn.report('debug', 'comp.stale', 'an answer came too late: everything stops', { reason: event.kind });
  } else {
    handle(turn, event);
    settle(turn);
  }
  return { state: turn.state, effects: turn.effects };
}

/** When `timeout` is due; Infinity: never. */
export function nextTimeoutAt(state: SupervisorState): number {
  if (state.phase === 'done') {
    return Number.POSITIVE_INFINITY;
  }
  const instants = SERVICES.flatMap((name) => {
    const { condition, asking, askAt } = state[name];
    const ask = asking ? [] : [askAt];
    switch (condition.kind) {
      case 'starting':
        return [...ask, condition.deadlineAt];
      case 'backoff':
        // A backoff that is over waits for an extinct group or an open gate, and each of those is an event.
        return condition.retryAt > state.clock ? [condition.retryAt] : [];
      case 'stopping':
        return [condition.plan.termRestAt, condition.plan.killAt, condition.plan.endAt].filter(
          (at) => at > state.clock,
        );
      default:
        return ask;
    }
  });
  instants.push(...healthInstants(state).filter((at) => at > state.clock));
  if (state.stop === undefined) {
    instants.push(...SERVICES.map((name) => state[name].planned?.dueAt ?? Number.POSITIVE_INFINITY));
  } else {
    instants.push(state.stop.stageEndsAt, state.stop.wallClockAt);
  }
  return Math.min(...instants, state.relayDueAt, state.drain?.endsAt ?? Number.POSITIVE_INFINITY);
}

/** Those that are over wait for something else: an answer on the control socket, the end of a drain, a restart granted. */
function healthInstants(state: SupervisorState): number[] {
  return SERVICES.flatMap((name) => {
    const { condition } = state[name];
    const media = 'health' in condition ? condition.health.media : undefined;
    return [hangsAt(state, name), media === undefined || media.asking ? Number.POSITIVE_INFINITY : media.askAt];
  });
}

function isStale(state: SupervisorState, event: SupervisorEvent): boolean {
  if (!('generation' in event)) {
    return false;
  }
  return event.generation !== state['service' in event ? event.service : 'relay'].generation;
}

function handle(turn: Turn, event: SupervisorEvent): void {
  turn.patch({ clock: turn.now });
  switch (event.kind) {
    case 'boot':
      turn.patch({ phase: 'config' });
      turn.emit({ kind: 'load-config' });
      return;
    case 'configured':
      handleConfigured(turn, event.rules);
      return;
    case 'reconfigured':
      handleReconfigured(turn, event);
      return;
    case 'counted':
      handleCounted(turn, event.sessions);
      return;
    case 'config-failed':
      beginStop(turn, { reason: 'config-failed', exitCode: event.exitCode, failure: event.failure });
      return;
    case 'relay-probed':
      handleProbed(turn, event.verdict);
      return;
    case 'control-claimed':
      handleClaimed(turn, event.outcome, event.detail);
      return;
    case 'spawned':
      handleSpawned(turn, event.service, event.pid);
      return;
    case 'spawn-failed':
      handleSpawnFailed(turn, event.service, event.reason, event.detail);
      return;
    case 'exited':
      handleExited(turn, event.service, event);
      return;
    case 'extinct':
      handleExtinct(turn, event.service);
      return;
    case 'reported-ready': {
      const { condition } = turn.service(event.service);
      if (condition.kind === 'starting' && condition.step === 'report') {
        turn.enter(event.service, { ...condition, step: 'answer', finding: 'it does not answer' }, turn.now);
      }
      return;
    }
    case 'heartbeat': {
      const { incarnation } = turn.service(event.service);
      if (incarnation !== undefined) {
        turn.patchService(event.service, { incarnation: { ...incarnation, heartbeatAt: turn.now } });
      }
      return;
    }
    case 'checked':
      handleChecked(turn, event);
      return;
    case 'media-proved':
      turn.patchService('relay', { asking: false });
      handleMediaProved(turn, event);
      return;
    case 'media-checked':
      if (event.sessions !== undefined) {
        handleCounted(turn, event.sessions);
      }
      handleMediaChecked(turn, event);
      return;
    case 'late':
      handleLate(turn, event.lateMs);
      return;
    case 'signal':
      handleStopSignal(turn, event.signal, event.reason);
      return;
    case 'launcher-gone':
      turn.report('warn', 'launcher.gone', 'the process that started ims-launch is gone');
      beginStop(turn, { reason: 'launcher-exited', exitCode: 0 });
      return;
    case 'swept':
      handleSwept(turn, event.found);
      return;
    case 'restart-asked':
      handleRestartAsked(turn, event.service);
      return;
    case 'drain-asked':
      handleDrainAsked(turn, event.limitMs);
      return;
    case 'stop-asked':
      handleStopAsked(turn, event.reason);
      return;
    case 'kill-asked':
      handleKillAsked(turn, event.reason);
      return;
    case 'timeout':
      return;
    default:
      assertNever(event);
  }
}

function handleConfigured(turn: Turn, rules: SupervisorState['rules']): void {
  if (turn.state.phase !== 'config') {
    return;
  }
  const { required, startTimeoutMs } = rules.relay;
  turn.patch({
    rules,
    phase: 'probe',
    relayDueAt: required && !rules.relay.autoStart ? turn.now + startTimeoutMs : Number.POSITIVE_INFINITY,
  });
  searchRelay(turn);
}

function handleChecked(turn: Turn, event: Extract<SupervisorEvent, { kind: 'checked' }>): void {
  const { service, outcome, finding } = event;
  const { condition, askAt } = turn.service(service);
  turn.patchService(service, { asking: false });
  if (condition.kind !== 'starting') {
    handleHealthChecked(turn, service, outcome, askAt);
  } else if (service === 'relay') {
    handleRelayChecked(turn, outcome, finding);
  } else if (outcome === 'answered') {
    becomeReady(turn, 'ims');
  } else {
    turn.enter('ims', { ...condition, finding }, turn.now + READINESS_POLL_MS);
  }
}

/** Begins what is due and allowed. */
function settle(turn: Turn): void {
  endLateDrain(turn);
  for (const name of SERVICES) {
    if (continueStop(turn, name) && turn.state.phase !== 'stopping') {
      abandonStop(turn, name);
    }
  }
  if (turn.state.phase === 'stopping') {
    continueTeardown(turn);
    return;
  }
  if (turn.state.phase === 'done' || turn.state.phase === 'boot' || turn.state.phase === 'config') {
    return;
  }
  if (turn.now >= turn.state.relayDueAt) {
    beginStop(turn, {
      reason: 'relay-required',
      exitCode: 69,
      failure: { code: 'IMS_ERR_RELAY_UNAVAILABLE', message: 'no relay answers, and one is required' },
    });
    return;
  }
  for (const name of SERVICES) {
    endLateStart(turn, name);
    restartPlanned(turn, name);
    retry(turn, name);
    endHang(turn, name);
    ask(turn, name);
  }
  askMedia(turn);
  startIms(turn);
  updatePhase(turn);
}

/** A group that cannot be killed (uninterruptible sleep) blocks its service; another look follows when it is gone. */
function abandonStop(turn: Turn, name: ServiceName): void {
  const { condition } = turn.service(name);
  if (condition.kind === 'stopping' && condition.plan.endAt !== Number.POSITIVE_INFINITY) {
    turn.report('error', 'stop.stuck', 'the service cannot be killed', { service: name });
    const plan = { ...condition.plan, endAt: Number.POSITIVE_INFINITY };
    turn.patchService(name, { condition: { ...condition, plan } });
  }
}

function endLateStart(turn: Turn, name: ServiceName): void {
  const { condition } = turn.service(name);
  if (condition.kind !== 'starting' || turn.now < condition.deadlineAt) {
    return;
  }
  const sentence = `was not ready in time: ${condition.finding}`;
  turn.report('error', 'comp.late', 'the service did not become ready in time', {
    service: name,
    reason: condition.finding,
  });
  stopService(turn, name, { kind: 'failure', ending: { exitCode: undefined, signal: undefined, sentence } });
}

function retry(turn: Turn, name: ServiceName): void {
  const { condition, incarnation } = turn.service(name);
  if (condition.kind !== 'backoff' || turn.now < condition.retryAt || incarnation !== undefined) {
    return;
  }
  if (name === 'relay') {
    startRelay(turn);
  } else if (isGateOpen(turn)) {
    spawn(turn, 'ims');
  }
}

/** Asks the question that is due: is it ready, is it still there? */
function ask(turn: Turn, name: ServiceName): void {
  const { condition, asking, askAt, generation } = turn.service(name);
  if (asking || turn.now < askAt) {
    return;
  }
  if (condition.kind === 'idle') {
    if (name === 'relay') {
      searchRelay(turn);
    }
    return;
  }
  turn.patchService(name, { asking: true, askAt: turn.now });
  const provesMedia =
    (condition.kind === 'starting' && condition.step === 'media') ||
    (condition.kind === 'adopted' && condition.proofsLeft > 0);
  if (name === 'relay' && provesMedia) {
    turn.emit({ kind: 'prove-media', generation });
    return;
  }
  // On a port that we hold nobody else can answer; and we are among its owners then.
  const ownOnly = condition.kind === 'starting' && !(name === 'relay' && turn.state.controlHeld);
  turn.emit({ kind: 'check', service: name, generation, limitMs: CHECK_LIMIT_MS[name], ownOnly });
}

function startIms(turn: Turn): void {
  const { condition, incarnation } = turn.service('ims');
  if (condition.kind === 'idle' && incarnation === undefined && isGateOpen(turn)) {
    spawn(turn, 'ims');
  }
}

function updatePhase(turn: Turn): void {
  const { phase, relay, ims, announced } = turn.state;
  if (phase === 'stopping' || phase === 'done') {
    return;
  }
  const next = phaseOf(turn);
  if (next !== phase) {
    turn.patch({ phase: next });
    if (next === 'degraded') {
      const reason = isServing(relay) ? 'ims' : 'relay';
      turn.report('warn', 'launch.degraded', 'the system is degraded', { service: reason });
    } else if (next === 'running') {
      turn.report('info', 'launch.running', 'the system is up');
    }
  }
  if (!announced && ims.history.everReady) {
    turn.patch({ announced: true });
    turn.emit({ kind: 'announce' });
  }
}

function phaseOf(turn: Turn): Phase {
  const { relay, ims } = turn.state;
  if (ims.history.everReady || relay.condition.kind === 'failed' || ims.condition.kind === 'failed') {
    return isServing(relay) && isServing(ims) ? 'running' : 'degraded';
  }
  if (isGateOpen(turn)) {
    return 'up-ims';
  }
  return relay.condition.kind === 'idle' ? 'probe' : 'up-relay';
}
