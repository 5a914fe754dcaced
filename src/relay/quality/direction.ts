/** What one party sends, looked at once a second: what is wrong with it, and how good it is. */
import { estimateMos } from '../../rtp/mos.ts';
import type { LegCounters } from '../media/counters.ts';
import { type HeardCodec, heardCodec } from './codec.ts';
import type { Verdict } from './report.ts';

/** Nothing for so long, or not by then, and it is told; ms. With looks a second apart it is told within 3 s. */
const PATIENCE_MS = 1800;

/** A party that is put on hold sends its last packet so near to the offer that says so, ms before and after it. */
const BEFORE_HOLD_MS = 2000;
const AFTER_HOLD_MS = 5000;

/** Refused packets that are no accident. */
const MANY = 10;

/** RTCP is a packet every few seconds; so many more than that are RTP on its port. */
const MANY_RTCP = 20;

/** Looks that make up "the last seconds", and how many packets an estimate of them takes. */
const WINDOW = 5;
const MIN_PACKETS = 25;

/** Of the session, at the instant of the look. */
export interface Situation {
  readonly now: number;
  /** Since when both parties are to be heard; Infinity: not yet. */
  readonly expectedSince: number;
  readonly held: boolean;
  /** Of a proxy that tells neither answer nor hold: when it spoke of the call anew; -Infinity: never. */
  readonly answeredAgainAt: number;
  readonly offeredAgainAt: number;
  /** The other party hears a prompt instead. */
  readonly overruled: boolean;
  /** What was counted on the leg that this party sends to, and on the other one. */
  readonly own: LegCounters;
  readonly other: LegCounters;
}

export class Direction {
  verdict: Verdict = 'waiting';
  mosLow: number | undefined;
  mosNow: number | undefined;
  codec: HeardCodec | undefined;
  /** When it was first seen to flow. */
  #flowsSince = Number.POSITIVE_INFINITY;
  #isLate = false;
  #lastType: number | undefined;
  #relayed = 0;
  #dropped = 0;
  /** Of the last WINDOW looks in turn: packets sent, packets received. */
  readonly #seen: number[] = new Array(2 * WINDOW).fill(0);
  #looks = 0;

  look(situation: Situation): void {
    this.#hear(situation.own);
    this.verdict = this.#judge(situation);
    this.#relayed = situation.own.rtpRelayed;
    this.#dropped = situation.own.rtpDropped;
    this.#score(situation.own);
  }

  /** Of the whole stream. */
  mos({ analysis }: LegCounters): number | undefined {
    return this.#estimate(analysis.sent, analysis.received, jitterMs(analysis.jitterMean, analysis.clockHz));
  }

  #judge(situation: Situation): Verdict {
    const { now, expectedSince, answeredAgainAt, held, own } = situation;
    if (held) {
      return 'held';
    }
    // What has never come is waited for anew when what rang may have been answered.
    const hasBegun = this.#flowsSince !== Number.POSITIVE_INFINITY;
    const since = hasBegun ? expectedSince : Math.max(expectedSince, answeredAgainAt);
    const isDue = now - since >= PATIENCE_MS;
    if (own.rtpAccepted === 0) {
      return isDue ? whyNothing(situation) : 'waiting';
    }
    if (!hasBegun) {
      this.#flowsSince = now;
      // The look before has told that nothing came.
      this.#isLate = isDue && this.verdict !== 'waiting' && this.verdict !== 'held';
    }
    if (isDue && now - own.analysis.lastAt >= PATIENCE_MS) {
      return isHoldLikely(situation) || this.verdict === 'held' ? 'held' : 'silent';
    }
    const isDropped = own.rtpDropped > this.#dropped && own.rtpRelayed === this.#relayed;
    if (isDue && isDropped && !situation.overruled) {
      return 'undeliverable';
    }
    return this.#isLate ? 'late' : 'flows';
  }

  /** A type counts once it was met twice: the first one may have been a key's. */
  #hear({ analysis: { payloadType, clockHz } }: LegCounters): void {
    if (payloadType !== undefined && (payloadType === this.#lastType || this.codec === undefined)) {
      this.codec = heardCodec(payloadType, clockHz) ?? this.codec;
    }
    this.#lastType = payloadType;
  }

  #score({ analysis }: LegCounters): void {
    const at = 2 * (this.#looks % WINDOW);
    const sent = analysis.sent - (this.#seen[at] as number);
    const received = analysis.received - (this.#seen[at + 1] as number);
    this.#seen[at] = analysis.sent;
    this.#seen[at + 1] = analysis.received;
    this.#looks += 1;
    if (this.#looks <= WINDOW) {
      return;
    }
    this.mosNow =
      sent < MIN_PACKETS ? undefined : this.#estimate(sent, received, jitterMs(analysis.jitterLast, analysis.clockHz));
    if (this.mosNow !== undefined) {
      this.mosLow = Math.min(this.mosLow ?? this.mosNow, this.mosNow);
    }
  }

  #estimate(sent: number, received: number, jitter: number | undefined): number | undefined {
    const encoding = this.codec?.encoding;
    return encoding === undefined || sent < MIN_PACKETS
      ? undefined
      : estimateMos({ encoding, lossFraction: 1 - received / sent, jitterMs: jitter ?? 0 });
  }
}

/** Later offers change nothing: one that ends a hold looks like one that only prolongs the session. */
function isHoldLikely({ offeredAgainAt, own }: Situation): boolean {
  const { lastAt } = own.analysis;
  return lastAt >= offeredAgainAt - BEFORE_HOLD_MS && lastAt <= offeredAgainAt + AFTER_HOLD_MS;
}

/** @param jitter timestamp units; undefined: the clock is not known */
export function jitterMs(jitter: number, clockHz: number): number | undefined {
  return clockHz === 0 ? undefined : (jitter * 1000) / clockHz;
}

function whyNothing({ own, other }: Situation): Verdict {
  if (own.rtpRefused >= MANY) {
    return 'stranger';
  }
  // RTP on the port of RTCP, or on the port that is meant for the other party.
  if (own.rtcpAccepted + own.rtcpRefused >= MANY_RTCP || other.rtpRefused >= MANY) {
    return 'wrong-port';
  }
  return 'never-arrived';
}
