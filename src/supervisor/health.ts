/** Whether a service that was ready still answers. The relay may be restarted for it, the IMS is only reported. */
import { assertNever } from '../wire/assert-never.ts';
import type { CheckOutcome } from './events.ts';
import { restartOther, TITLES } from './failure.ts';
import { healthIntervalMs } from './lifecycle.ts';
import { handleAdoptedRefused } from './relay.ts';
import { grantHealthRestart } from './restart-policy.ts';
import { type Component, HEALTHY, type Health, MISSES_ALLOWED, type ServiceName } from './state.ts';
import { stopService } from './teardown.ts';
import type { Turn } from './turn.ts';

/** A relay answers `V` within this time, an IMS an OPTIONS; milliseconds. */
export const CHECK_LIMIT_MS = { relay: 1000, ims: 2000 } as const satisfies Record<ServiceName, number>;

/** An answer that is later than its limit by this much was not late: we were asleep. The sample is void. */
const OWN_LAG_MS = 250;

/** Misses for this long, without a sign of life, and the relay is restarted; milliseconds. */
const HANG_MS = 10_000;

type Watched = Extract<Component['condition'], { readonly health: Health }>;

export function handleHealthChecked(turn: Turn, name: ServiceName, outcome: CheckOutcome, askedAt: number): void {
  const { condition } = turn.service(name);
  if (!('health' in condition)) {
    return;
  }
  const nextAt = turn.now + healthIntervalMs(turn, name);
  if (outcome !== 'answered' && turn.now - askedAt > CHECK_LIMIT_MS[name] + OWN_LAG_MS) {
    turn.report('debug', 'comp.health', 'a health sample is void: this process was asleep', { service: name });
    turn.enter(name, withHealth(condition, HEALTHY), nextAt);
    return;
  }
  switch (outcome) {
    case 'answered':
      recover(turn, name, condition, nextAt);
      break;
    case 'refused':
    case 'silent':
      miss(turn, name, condition, nextAt);
      if (outcome === 'refused') {
        handleAdoptedRefused(turn);
      }
      break;
    default:
      assertNever(outcome);
  }
}

function recover(turn: Turn, name: ServiceName, condition: Watched, nextAt: number): void {
  if (condition.health.misses >= MISSES_ALLOWED) {
    turn.report('info', 'comp.recovered', 'service answers again', { service: name });
  }
  const next = condition.kind === 'unhealthy' ? { ...condition, kind: 'ready' as const } : condition;
  turn.enter(name, withHealth(next, HEALTHY), nextAt);
}

function miss(turn: Turn, name: ServiceName, condition: Watched, nextAt: number): void {
  const health = {
    ...condition.health,
    misses: condition.health.misses + 1,
    firstMissAt: Math.min(condition.health.firstMissAt, turn.now),
  };
  const tripped = health.misses >= MISSES_ALLOWED;
  const next = tripped && condition.kind === 'ready' ? { ...condition, kind: 'unhealthy' as const } : condition;
  turn.enter(name, withHealth(next, health), nextAt);
  if (health.misses === MISSES_ALLOWED) {
    turn.report('error', 'comp.unhealthy', `the ${TITLES[name]} does not answer`, { service: name });
  }
  if (tripped && name === 'relay' && condition.kind !== 'adopted') {
    restartHungRelay(turn, health);
  }
}

function restartHungRelay(turn: Turn, health: Health): void {
  const { incarnation, history } = turn.service('relay');
  const { embedded } = turn.state.rules.relay;
  const alive = embedded && incarnation !== undefined && turn.now - incarnation.heartbeatAt < HANG_MS;
  if (turn.now - health.firstMissAt < HANG_MS || alive) {
    return;
  }
  const granted = grantHealthRestart(turn.now, history);
  if (granted === undefined) {
    return;
  }
  turn.patchService('relay', { history: granted });
  turn.report('error', 'comp.hung', 'the relay hangs and is restarted', {
    service: 'relay',
    childPid: incarnation?.pid,
  });
  stopService(turn, 'relay', { kind: 'start' });
  restartOther(turn, 'relay');
}

function withHealth<T extends Watched>(condition: T, health: Health): T {
  return { ...condition, health };
}
