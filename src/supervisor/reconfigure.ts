/**
 * The configuration changes while the system runs. A restart that it needs is planned: it touches no counter and no
 * backoff. What starts with a changed configuration is on trial until it is ready; if it never is, the fault may lie
 * in the configuration, and the one before comes back, once.
 *
 *     reconfigured ─► planned ─ due, or idle ─► stopping ─► starting (on trial) ─ ready ─► no longer on trial
 *                                                              └─ boot budget spent ─► roll-back ─► reconfigured
 */
import type { Reconfigured } from './events.ts';
import { NO_HISTORY } from './restart-policy.ts';
import type { Failure, ServiceName, SupervisorState } from './state.ts';
import { stopService } from './teardown.ts';
import type { Turn } from './turn.ts';

/** A service is restarted for a changed configuration at most once in this time, milliseconds; the newest one wins. */
export const RELOAD_SPACING_MS = 5000;

/** Whether a service still has to show that it can live with the configuration. */
export function isUnproved({ relay, ims }: SupervisorState): boolean {
  return [relay, ims].some(({ planned, trial }) => planned !== undefined || trial !== undefined);
}

export function handleReconfigured(turn: Turn, event: Reconfigured): void {
  const { rules, restarts, rollback } = event;
  turn.patch({ rules });
  if (turn.state.drain !== undefined) {
    return;
  }
  if (rollback) {
    for (const name of ['relay', 'ims'] as const) {
      turn.patchService(name, { planned: undefined, trial: undefined });
    }
  }
  for (const { service, whenIdle } of restarts) {
    const { condition, plannedAt } = turn.service(service);
    if (condition.kind === 'adopted' || condition.kind === 'idle') {
      // Somebody else's, or not started yet: then it starts with the configuration as it is.
      continue;
    }
    if (rollback && condition.kind === 'backoff') {
      turn.enter(service, { kind: 'backoff', retryAt: turn.now });
      continue;
    }
    const soonest = rollback ? turn.now : Math.max(turn.now, plannedAt + RELOAD_SPACING_MS);
    const dueAt = whenIdle ? turn.now + event.idleLimitMs : soonest;
    const revocable = event.revocable && !rollback;
    turn.patchService(service, { planned: { dueAt, whenIdle, revocable } });
    turn.report('info', 'reload.planned', 'the service is restarted to take the changed configuration', {
      service,
      delayMs: Math.round(dueAt - turn.now),
      reason: whenIdle ? 'after the last call, or when the time for that is over' : 'as soon as possible',
    });
  }
}

/** A relay of ours told how many sessions it has: without any, nobody hears a restart. */
export function handleCounted(turn: Turn, sessions: number): void {
  for (const name of ['relay', 'ims'] as const) {
    const { planned, plannedAt } = turn.service(name);
    if (sessions === 0 && planned?.whenIdle) {
      const dueAt = Math.max(turn.now, plannedAt + RELOAD_SPACING_MS);
      turn.patchService(name, { planned: { ...planned, whenIdle: false, dueAt: Math.min(dueAt, planned.dueAt) } });
    }
  }
}

/** Begins the restart that is due. */
export function restartPlanned(turn: Turn, name: ServiceName): void {
  const { planned, condition, incarnation } = turn.service(name);
  if (planned === undefined || turn.now < planned.dueAt) {
    return;
  }
  beginTrial(turn, name);
  switch (condition.kind) {
    case 'starting':
    case 'ready':
    case 'unhealthy':
    case 'stopping':
      turn.report('info', 'reload.restart', 'restarting the service with the changed configuration', {
        service: name,
        childPid: incarnation?.pid,
      });
      stopService(turn, name, { kind: 'start' });
      break;
    case 'failed': {
      // The change may be what it needed: what was spent is granted again.
      const { everReady } = turn.service(name).history;
      turn.patchService(name, { history: { ...NO_HISTORY, everReady } });
      turn.enter(name, { kind: 'backoff', retryAt: turn.now });
      break;
    }
    case 'backoff':
      turn.enter(name, { kind: 'backoff', retryAt: turn.now });
      break;
    case 'idle':
    case 'adopted':
      break;
  }
}

/** What starts from now on has the changed configuration. */
export function beginTrial(turn: Turn, name: ServiceName): void {
  const { planned, trial, history } = turn.service(name);
  if (planned !== undefined) {
    // One that was never ready has no configuration to go back to.
    const next = planned.revocable && history.everReady ? NO_HISTORY : trial;
    turn.patchService(name, { planned: undefined, plannedAt: turn.now, trial: next });
  }
}

/** A service on trial has failed for good: true when the configuration before is asked for in place of an end of all. */
export function revoke(turn: Turn, name: ServiceName, { message }: Failure): boolean {
  if (turn.service(name).trial === undefined || turn.state.stop !== undefined) {
    return false;
  }
  turn.report('error', 'reload.failed', message, { service: name });
  turn.patchService(name, { trial: undefined });
  // It waits for the former configuration, not for a time.
  turn.enter(name, { kind: 'backoff', retryAt: Number.POSITIVE_INFINITY });
  turn.emit({ kind: 'roll-back', service: name });
  return true;
}
