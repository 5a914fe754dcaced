/**
 * Whether RTP still passes a relay that answers. Checked with real packets, because a relay whose control socket is
 * well may forward nothing.
 *
 *     three checks in a row ─► unhealthy ─► no sessions: restart
 *                                           sessions: wait for their end, maxDegraded at the longest
 *
 * A relay without ports for the check is full, not broken: while it holds sessions it is reported and left alone. So
 * is one whose own sessions pass packets, whatever the check says. A found relay is only reported.
 */
import type { MediaSample } from './events.ts';
import { restartOther } from './failure.ts';
import { grantRestart } from './hang.ts';
import { OWN_LAG_MS, withoutMediaMisses } from './self-doubt.ts';
import { type Condition, type Health, isWell, MEDIA_UNTRIED, type MediaHealth, MISSES_TOLD } from './state.ts';
import { stopService } from './teardown.ts';
import type { Turn } from './turn.ts';

/** More packets than this between two checks are none of the checks' own: calls have audio. */
const OWN_PACKETS = 100;

type Watched = Extract<Condition, { readonly health: Health }>;

/**
 * Begins the check that is due, or says when the first one will be. A relay whose control socket is in doubt, or that
 * drains, is not asked for a session.
 */
export function askMedia(turn: Turn): void {
  const { condition, generation } = turn.service('relay');
  if (!('health' in condition) || condition.health.media.asking) {
    return;
  }
  const { misses, media } = condition.health;
  const { mediaIntervalMs } = turn.state.rules.health;
  if (!isChecked(turn, condition)) {
    patchMedia(turn, condition, { ...media, askAt: Number.POSITIVE_INFINITY });
  } else if (media.askAt === Number.POSITIVE_INFINITY) {
    patchMedia(turn, condition, { ...media, askAt: turn.now + mediaIntervalMs });
  } else if (turn.now >= media.askAt && misses === 0 && turn.state.drain === undefined) {
    patchMedia(turn, condition, { ...media, asking: true, askAt: turn.now });
    turn.emit({ kind: 'check-media', generation });
  }
}

/** A found relay is proved once, and then looked at if the operator wants it, or as long as calls fail. */
function isChecked({ state }: Turn, condition: Watched): boolean {
  const { mediaIntervalMs, mediaOfFound } = state.rules.health;
  if (mediaIntervalMs === Number.POSITIVE_INFINITY || condition.kind !== 'adopted') {
    return mediaIntervalMs !== Number.POSITIVE_INFINITY;
  }
  return condition.proofsLeft === 0 && (mediaOfFound || condition.health.media.finding !== '');
}

export function handleMediaChecked(turn: Turn, sample: MediaSample): void {
  const { condition } = turn.service('relay');
  if (!('health' in condition)) {
    return;
  }
  const { media: before, misses } = condition.health;
  const { mediaIntervalMs } = turn.state.rules.health;
  const media = { ...before, asking: false, askAt: Math.max(turn.now, before.askAt + mediaIntervalMs) };
  if (sample.verdict === 'passed') {
    pass(turn, condition, media, sample);
  } else if (sample.lagMs > OWN_LAG_MS) {
    turn.report('debug', 'comp.health', 'a media check is void: this process was asleep', { service: 'relay' });
    patchMedia(turn, condition, withoutMediaMisses(media));
  } else if (sample.verdict === 'unanswered' || misses > 0 || turn.state.drain !== undefined) {
    // That it does not answer, or takes nothing new, is another matter.
    patchMedia(turn, condition, media);
  } else {
    miss(turn, condition, media, sample);
  }
}

function pass(turn: Turn, condition: Watched, media: MediaHealth, { delayMs, relayedPackets }: MediaSample): void {
  if (media.misses >= MISSES_TOLD) {
    turn.report('info', 'comp.recovered', 'media passes the relay again', { service: 'relay' });
  }
  const next = {
    ...media,
    misses: MEDIA_UNTRIED.misses,
    failingSince: MEDIA_UNTRIED.failingSince,
    checks: media.checks + 1,
    checkedAt: turn.now,
    finding: '',
    delayMs,
    relayedPackets,
  };
  const isWellAgain = condition.kind === 'unhealthy' && isWell({ ...condition.health, media: next });
  patchMedia(turn, isWellAgain ? { ...condition, kind: 'ready', readySince: turn.now } : condition, next);
}

function miss(turn: Turn, condition: Watched, before: MediaHealth, sample: MediaSample): void {
  const { finding, relayedPackets } = sample;
  const misses = before.misses + 1;
  const media = {
    ...before,
    checks: before.checks + 1,
    checkedAt: turn.now,
    misses,
    failingSince: misses >= MISSES_TOLD ? Math.min(before.failingSince, turn.now) : before.failingSince,
    finding,
    relayedPackets,
  };
  const isUnhealthy = misses >= MISSES_TOLD;
  patchMedia(turn, isUnhealthy && condition.kind === 'ready' ? { ...condition, kind: 'unhealthy' } : condition, media);
  if (misses === MISSES_TOLD) {
    turn.report('error', 'comp.unhealthy', 'the relay answers, but media does not pass', {
      service: 'relay',
      reason: finding,
      count: sample.sessions,
    });
  } else if (!isUnhealthy) {
    turn.report('warn', 'relay.media', 'media did not pass through the relay', { service: 'relay', reason: finding });
  }
  if (isUnhealthy && condition.kind !== 'adopted' && mayRestart(turn, before, media, sample)) {
    restart(turn, finding);
  }
}

function mayRestart(turn: Turn, before: MediaHealth, media: MediaHealth, sample: MediaSample): boolean {
  if (sample.sessions === 0) {
    return true;
  }
  const isLong = turn.now - media.failingSince >= turn.state.rules.health.maxDegradedMs;
  return isLong && sample.verdict === 'failed' && !callsHaveAudio(before, sample);
}

function callsHaveAudio(before: MediaHealth, { relayedPackets }: MediaSample): boolean {
  return (
    relayedPackets !== undefined &&
    before.relayedPackets !== undefined &&
    relayedPackets - before.relayedPackets > OWN_PACKETS
  );
}

function restart(turn: Turn, finding: string): void {
  if (!grantRestart(turn, 'relay')) {
    return;
  }
  turn.report('error', 'relay.media', 'the relay passes no media and is restarted', {
    service: 'relay',
    childPid: turn.service('relay').incarnation?.pid,
    reason: finding,
  });
  stopService(turn, 'relay', { kind: 'start' });
  restartOther(turn, 'relay');
}

/** The pending question of the control socket is left as it is. */
function patchMedia(turn: Turn, condition: Watched, media: MediaHealth): void {
  turn.patchService('relay', { condition: { ...condition, health: { ...condition.health, media } } });
}
