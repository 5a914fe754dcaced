/** Processes that live and do nothing: how they are told, and the restarts that bad health is granted. */
import { restartOther, TITLES } from './failure.ts';
import { grantHealthRestart } from './restart-policy.ts';
import type { ServiceName, SupervisorState } from './state.ts';
import { planHungStop } from './stop-plan.ts';
import { stopService } from './teardown.ts';
import type { Turn } from './turn.ts';

/** When a program of ours that keeps silent is taken to hang; Infinity: it is not one that beats, or not ready. */
export function hangsAt({ rules, ...services }: SupervisorState, name: ServiceName): number {
  const { condition, incarnation } = services[name];
  const isWatched = condition.kind === 'ready' || condition.kind === 'unhealthy';
  return isWatched && rules[name].embedded && incarnation !== undefined && !incarnation.exited
    ? incarnation.heartbeatAt + rules.health.silenceMs
    : Number.POSITIVE_INFINITY;
}

/** A blocked loop sends no heartbeat, and runs no signal handler either. */
export function endHang(turn: Turn, name: ServiceName): void {
  if (turn.now >= hangsAt(turn.state, name)) {
    restartHung(turn, name, 'its heartbeat is missing');
  }
}

/** It is one of our own programs, and its last heartbeat is younger than `withinMs`. */
export function isBeating(turn: Turn, name: ServiceName, withinMs: number): boolean {
  const { incarnation } = turn.service(name);
  return turn.state.rules[name].embedded && incarnation !== undefined && turn.now - incarnation.heartbeatAt < withinMs;
}

export function restartHung(turn: Turn, name: ServiceName, finding: string): void {
  if (!grantRestart(turn, name)) {
    return;
  }
  const { incarnation, generation } = turn.service(name);
  turn.report('error', 'comp.hung', `the ${TITLES[name]} hangs and is restarted`, {
    service: name,
    childPid: incarnation?.pid,
    reason: finding,
  });
  turn.emit({ kind: 'inspect', service: name, generation });
  stopService(turn, name, { kind: 'start' }, planHungStop(turn.now));
  restartOther(turn, name);
}

/** Restarts for bad health have a budget of their own; that it is spent is said once. */
export function grantRestart(turn: Turn, name: ServiceName): boolean {
  const { history } = turn.service(name);
  if (turn.state.rules[name].restart === 'never') {
    return false;
  }
  const granted = grantHealthRestart(turn.now, history);
  if (granted !== undefined) {
    turn.patchService(name, { history: granted });
    return true;
  }
  if (!history.healthBudgetTold) {
    turn.patchService(name, { history: { ...history, healthBudgetTold: true } });
    turn.report('error', 'comp.health-budget', 'restarts have not helped: bad health is only reported for now', {
      service: name,
      count: history.healthRestartedAt.length,
    });
  }
  return false;
}
