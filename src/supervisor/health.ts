/** Whether a service that was ready still answers. The relay may be restarted for it, the IMS if the operator wants it. */
import { assertNever } from '../wire/assert-never.ts';
import type { CheckOutcome } from './events.ts';
import { TITLES } from './failure.ts';
import { isBeating, restartHung } from './hang.ts';
import { healthIntervalMs } from './lifecycle.ts';
import { handleAdoptedRefused } from './relay.ts';
import { OWN_LAG_MS, withoutMisses } from './self-doubt.ts';
import { type Component, type Health, isWell, MISSES_TOLD, type ServiceName } from './state.ts';
import type { Turn } from './turn.ts';

/** A relay answers `V` within this time, an IMS an OPTIONS; milliseconds. */
export const CHECK_LIMIT_MS = { relay: 1000, ims: 2000 } as const satisfies Record<ServiceName, number>;

/** Misses for this long, milliseconds, and a relay without a sign of life is restarted; an IMS if that is wanted. */
const RESTART_AFTER_MS = { relay: 10_000, ims: 30_000 } as const satisfies Record<ServiceName, number>;

type Watched = Extract<Component['condition'], { readonly health: Health }>;

export function handleHealthChecked(turn: Turn, name: ServiceName, outcome: CheckOutcome, askedAt: number): void {
  const { condition } = turn.service(name);
  if (!('health' in condition)) {
    return;
  }
  const nextAt = Math.max(turn.now, askedAt + healthIntervalMs(turn, name));
  if (outcome !== 'answered' && turn.now - askedAt > CHECK_LIMIT_MS[name] + OWN_LAG_MS) {
    turn.report('debug', 'comp.health', 'a health sample is void: this process was asleep', { service: name });
    turn.enter(name, withHealth(condition, withoutMisses(condition.health)), nextAt);
    return;
  }
  switch (outcome) {
    case 'answered':
      recover(turn, name, condition, askedAt, nextAt);
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

function recover(turn: Turn, name: ServiceName, condition: Watched, askedAt: number, nextAt: number): void {
  if (condition.health.misses >= MISSES_TOLD) {
    turn.report('info', 'comp.recovered', 'service answers again', { service: name });
  }
  const latencyMs = turn.now - askedAt;
  const health = { ...withoutMisses(condition.health), answeredAt: turn.now, latencyMs };
  const isBack = condition.kind === 'unhealthy' && isWell(health);
  const next = isBack ? { ...condition, kind: 'ready' as const, readySince: turn.now } : condition;
  turn.enter(name, withHealth(next, health), nextAt);
}

function miss(turn: Turn, name: ServiceName, condition: Watched, nextAt: number): void {
  const health = {
    ...condition.health,
    misses: condition.health.misses + 1,
    firstMissAt: Math.min(condition.health.firstMissAt, turn.now),
  };
  const tripped = health.misses >= MISSES_TOLD;
  const next = tripped && condition.kind === 'ready' ? { ...condition, kind: 'unhealthy' as const } : condition;
  turn.enter(name, withHealth(next, health), nextAt);
  if (health.misses === MISSES_TOLD) {
    turn.report('error', 'comp.unhealthy', `the ${TITLES[name]} does not answer`, { service: name });
  }
  const isLong = turn.now - health.firstMissAt >= RESTART_AFTER_MS[name];
  if (tripped && isLong && condition.kind !== 'adopted' && mayRestart(turn, name)) {
    restartHung(turn, name, 'it does not answer');
  }
}

/** A relay that still beats works on something; an IMS holds calls and registrations that a restart would end. */
function mayRestart(turn: Turn, name: ServiceName): boolean {
  return name === 'relay' ? !isBeating(turn, name, RESTART_AFTER_MS.relay) : turn.state.rules.health.restartsIms;
}

function withHealth<T extends Watched>(condition: T, health: Health): T {
  return { ...condition, health };
}
