/** Which of the four directions of a test call are dead. */
import type { Diagnosis } from './ailment.ts';
import { launch, startRelay } from './commands.ts';
import type { MediaDirection, MediaFacts } from './facts/relay.ts';
import type { Facts } from './facts.ts';

/** Nothing came out, altered or not. */
export function isDead({ received, altered }: MediaDirection): boolean {
  return received === 0 && altered === 0;
}

/** Exactly one of these is said of a proof that failed. */
export type MediaFault = 'no-session' | 'dead' | 'one-way' | 'rtcp-blocked' | 'faulty';

/** Undefined: all is well. */
export function mediaFault({ ok, failure, directions }: MediaFacts): MediaFault | undefined {
  if (ok) {
    return undefined;
  }
  if (failure !== undefined || directions.length === 0) {
    return 'no-session';
  }
  const rtp = directions.filter(({ component }) => component === 'rtp');
  const deadRtp = rtp.filter(isDead).length;
  if (deadRtp === rtp.length) {
    return 'dead';
  }
  if (deadRtp > 0) {
    return 'one-way';
  }
  return directions.some((direction) => direction.component === 'rtcp' && isDead(direction))
    ? 'rtcp-blocked'
    : 'faulty';
}

/** What the ailments that differ only in the fault say: the proof in its own words, and how to get another relay. */
export function mediaDiagnosis(facts: Facts, fault: MediaFault): Diagnosis | undefined {
  const { media, owner, strangeAddress } = facts.relay;
  // With a strange address no session comes about either, and then that is the thing to say.
  if (media === undefined || mediaFault(media) !== fault || strangeAddress !== undefined) {
    return undefined;
  }
  const { launcher } = facts;
  const end = owner === undefined ? '' : `kill ${owner.pid}`;
  if (launcher.kind === 'running') {
    // One that was found running: when it is gone, ours takes its place.
    return {
      evidence: evidenceOf(media),
      fix: launcher.relay.pid === null ? end || launch(facts, 'status') : launch(facts, 'restart relay'),
    };
  }
  return { evidence: evidenceOf(media), fix: [end, startRelay(facts)].filter((command) => command !== '').join('; ') };
}

function evidenceOf({ findings }: MediaFacts): string {
  return findings[0] ?? 'the test call failed';
}
