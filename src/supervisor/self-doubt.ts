/**
 * Whoever stands still sees everybody else stand still. A stopped process (SIGSTOP), a paused virtual machine and a
 * blocked event loop all look like a relay that does not answer; so what was measured meanwhile is void.
 */
import { HEALTHY, type Health, type MediaHealth, type ServiceName } from './state.ts';
import type { Turn } from './turn.ts';

/** Our own event loop may be this late, milliseconds, and a sample still counts. */
export const OWN_LAG_MS = 250;

/** Later than this many intervals of the relay's health, and all windows begin anew. */
const GAP_INTERVALS = 2;

export function handleLate(turn: Turn, lateMs: number): void {
  if (lateMs <= GAP_INTERVALS * turn.state.rules.health.relayIntervalMs) {
    return;
  }
  turn.report('warn', 'launch.slept', 'ims-launch itself stood still: health is measured anew', {
    durationMs: Math.round(lateMs),
  });
  for (const name of ['relay', 'ims'] as const) {
    forgive(turn, name, lateMs);
  }
}

/** Begins the window anew; what was measured is kept. */
export function withoutMisses(health: Health): Health {
  const { misses, firstMissAt, refusedAt } = HEALTHY;
  return { ...health, misses, firstMissAt, refusedAt };
}

/** The same for the checks of media; what was too many of them already stays until one passes. */
export function withoutMediaMisses(media: MediaHealth): MediaHealth {
  return media.failingSince === Number.POSITIVE_INFINITY ? { ...media, misses: 0 } : media;
}

function forgive(turn: Turn, name: ServiceName, lateMs: number): void {
  const { condition, incarnation } = turn.service(name);
  if (incarnation !== undefined) {
    turn.patchService(name, { incarnation: { ...incarnation, heartbeatAt: turn.now } });
  }
  if (condition.kind === 'starting') {
    turn.patchService(name, { condition: { ...condition, deadlineAt: condition.deadlineAt + lateMs } });
  } else if ('health' in condition) {
    const { media, ...health } = withoutMisses(condition.health);
    turn.patchService(name, { condition: { ...condition, health: { ...health, media: withoutMediaMisses(media) } } });
  }
}
