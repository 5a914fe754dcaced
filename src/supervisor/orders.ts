/**
 * What an operator asks for while the system runs. A restart that is asked for is planned: it counts as no failure and
 * waits for nothing. Whether an order can be followed is a question of the state alone, so that the one who asks can be
 * told at once.
 */
import { NO_HISTORY } from './restart-policy.ts';
import type { ServiceName, SupervisorState } from './state.ts';
import { beginStop, finish, stopService } from './teardown.ts';
import type { Turn } from './turn.ts';

export type RestartAnswer =
  | 'restarting'
  /** It is being restarted, or about to start; one restart serves all who ask. */
  | 'under-way'
  /** A relay that somebody else started. */
  | 'not-ours'
  /** `relay.autoStart` is off. */
  | 'not-allowed'
  | 'draining'
  | 'stopping';

export type DrainAnswer =
  | 'draining'
  | 'under-way'
  /** No call can be in progress. */
  | 'nothing-to-drain'
  /** Neither the IMS nor the relay is one that can be told. */
  | 'impossible'
  | 'stopping';

/** A process younger than this, milliseconds, is the one that a restart asked for at the same time has brought. */
const SAME_RESTART_MS = 2000;

export function judgeRestart(now: number, state: SupervisorState, name: ServiceName): RestartAnswer {
  if (state.phase === 'stopping' || state.phase === 'done') {
    return 'stopping';
  }
  if (state.drain !== undefined) {
    return 'draining';
  }
  const { condition, incarnation } = state[name];
  switch (condition.kind) {
    case 'ready':
    case 'unhealthy':
    case 'backoff':
    case 'failed':
      return 'restarting';
    case 'starting':
      return incarnation !== undefined && now - incarnation.spawnedAt >= SAME_RESTART_MS ? 'restarting' : 'under-way';
    case 'adopted':
      return 'not-ours';
    case 'idle':
      return name === 'relay' && !state.rules.relay.autoStart ? 'not-allowed' : 'under-way';
    case 'stopping':
      return 'under-way';
  }
}

export function handleRestartAsked(turn: Turn, name: ServiceName): void {
  const { condition, incarnation } = turn.service(name);
  const answer = judgeRestart(turn.now, turn.state, name);
  if (answer === 'under-way' && condition.kind === 'stopping') {
    // It was to count as a failure; now it is what was asked for.
    stopService(turn, name, { kind: 'start' });
  }
  if (answer !== 'restarting') {
    return;
  }
  turn.report('info', 'restart.asked', 'restarting the service, as asked', {
    service: name,
    childPid: incarnation?.pid,
  });
  if (condition.kind === 'failed') {
    // Somebody has looked at it: what was spent is granted again.
    const { everReady } = turn.service(name).history;
    turn.patchService(name, { history: { ...NO_HISTORY, everReady } });
  }
  if (incarnation === undefined || condition.kind === 'backoff' || condition.kind === 'failed') {
    turn.enter(name, { kind: 'backoff', retryAt: turn.now });
  } else {
    stopService(turn, name, { kind: 'start' });
  }
}

/** Whom to tell that no new calls are wanted: an IMS of ours refuses them politely, else a relay of ours does. */
export function judgeDrain(state: SupervisorState): DrainAnswer {
  if (state.phase === 'stopping' || state.phase === 'done') {
    return 'stopping';
  }
  if (state.drain !== undefined) {
    return 'under-way';
  }
  if (!canHaveCalls(state)) {
    return 'nothing-to-drain';
  }
  return drainTarget(state) === undefined ? 'impossible' : 'draining';
}

export function handleDrainAsked(turn: Turn, limitMs: number): void {
  const answer = judgeDrain(turn.state);
  if (answer === 'nothing-to-drain') {
    beginStop(turn, { reason: 'drained', exitCode: 0 });
    return;
  }
  const service = drainTarget(turn.state);
  if (answer !== 'draining' || service === undefined) {
    return;
  }
  turn.patch({ drain: { service, startedAt: turn.now, endsAt: turn.now + limitMs } });
  turn.report('info', 'drain.begin', 'no new calls are taken; everything stops after the last one', {
    service,
    durationMs: limitMs,
  });
  turn.emit({ kind: 'drain', service, generation: turn.service(service).generation });
}

/** The service that was told to drain ends by itself after the last call; true when this was it. */
export function handleDrained(turn: Turn, name: ServiceName): boolean {
  const { drain } = turn.state;
  if (drain?.service !== name) {
    return false;
  }
  const durationMs = Math.round(turn.now - drain.startedAt);
  turn.report('info', 'drain.done', 'the service that was drained ended', { service: name, durationMs });
  beginStop(turn, { reason: 'drained', exitCode: 0 });
  return true;
}

/** The time for the calls in progress is over. */
export function endLateDrain(turn: Turn): void {
  const { drain } = turn.state;
  if (drain !== undefined && turn.now >= drain.endsAt) {
    turn.report('warn', 'drain.late', 'calls are still in progress, and the time to drain is over', {
      service: drain.service,
      durationMs: Math.round(turn.now - drain.startedAt),
    });
    beginStop(turn, { reason: 'drain-timeout', exitCode: 0 });
  }
}

export function handleStopAsked(turn: Turn, reason: string): void {
  beginStop(turn, { reason, exitCode: 0 });
}

/** Everything dies at once; an end that was asked for all the same. */
export function handleKillAsked(turn: Turn, reason: string): void {
  beginStop(turn, { reason, exitCode: 0 });
  const { stop, phase } = turn.state;
  if (stop !== undefined && phase === 'stopping') {
    turn.report('warn', 'stop.kill', 'everything is killed, as asked', { reason });
    turn.emit({ kind: 'kill-everything' });
    finish(turn, stop);
  }
}

function canHaveCalls({ ims }: SupervisorState): boolean {
  return ims.condition.kind === 'ready' || ims.condition.kind === 'unhealthy';
}

function drainTarget({ rules, relay }: SupervisorState): ServiceName | undefined {
  if (rules.ims.embedded) {
    return 'ims';
  }
  return relay.condition.kind === 'ready' || relay.condition.kind === 'unhealthy' ? 'relay' : undefined;
}
