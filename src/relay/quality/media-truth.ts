/**
 * The truth about the media of one session: what each party sends, whether it arrives, how good it is. Looked at once a
 * second by the engine, from counters that the planes keep anyway.
 */
import { formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';
import type { LegCounters } from '../media/counters.ts';
import type { FlowState } from '../media/flow-states.ts';
import { CALLEE_SIDE, CALLER_SIDE, otherSide, type Side, sideName } from '../plane.ts';
import { Direction, jitterMs } from './direction.ts';
import type { DirectionReport, MediaEvent, StreamReport, Verdict } from './report.ts';
import { type Place, sentenceOf } from './sentences.ts';

/** More turns of one session are not told: packets cause them. */
const MAX_EVENTS = 20;

/** No call rings longer (Timer C, RFC 3261 16.6), ms. */
const LONGEST_RINGING_MS = 180_000;

/** A leg as the engine knows it. */
export interface LegView {
  readonly counters: LegCounters;
  /** What the party is told to send to; undefined: the leg has no port yet. */
  readonly local: TransportAddress | undefined;
  /** Where RTP for the party goes. */
  readonly remote: TransportAddress | undefined;
  /** What signalling said of it. */
  readonly signalled: TransportAddress | undefined;
  /** Where what it sends passes; undefined: the plane has only one way. */
  readonly way: FlowState | undefined;
  /** A prompt plays to the party. */
  readonly playing: boolean;
}

export interface SessionView {
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string | undefined;
  readonly createdAt: number;
  /** Both legs are open. */
  readonly complete: boolean;
  readonly onHold: boolean;
  /** It is fed with copies of another session: what its own parties send is not passed on. */
  readonly fed: boolean;
  /** As `Session` has them. */
  readonly stage: 'ringing' | 'answered' | undefined;
  readonly answeredAgainAt: number;
  readonly offeredAgainAt: number;
  readonly legs: readonly [LegView, LegView];
}

export class MediaTruth {
  readonly #directions = [new Direction(), new Direction()] as const;
  /** When both parties began to be expected: since the call was complete, or the end of a hold. */
  #expectedSince = Number.POSITIVE_INFINITY;
  #completeSince: number | undefined;
  #events = 0;

  /** One look; returns what has changed. */
  look(now: number, session: SessionView): MediaEvent[] {
    if (session.complete) {
      this.#completeSince ??= now;
    }
    const isExpected = session.complete && !session.onHold && !session.fed && session.stage !== 'ringing';
    if (!isExpected) {
      this.#expectedSince = Number.POSITIVE_INFINITY;
    } else if (this.#expectedSince === Number.POSITIVE_INFINITY) {
      this.#expectedSince = now;
    }
    // A proxy that tells of hold and answer needs no guesses.
    const isTold = session.stage !== undefined;
    const before = this.#directions.map(({ verdict }) => verdict);
    for (const side of BOTH) {
      this.#directions[side].look({
        now,
        expectedSince: this.#expectedSince,
        held: session.complete && session.onHold,
        answeredAgainAt: isTold ? Number.NEGATIVE_INFINITY : session.answeredAgainAt,
        offeredAgainAt: isTold ? Number.NEGATIVE_INFINITY : session.offeredAgainAt,
        overruled: session.legs[otherSide(side)].playing,
        own: session.legs[side].counters,
        other: session.legs[otherSide(side)].counters,
      });
    }
    return BOTH.flatMap((side) => this.#turn(now, session, side, before[side] ?? 'waiting'));
  }

  report(now: number, session: SessionView): StreamReport {
    const { callId, fromTag, toTag, createdAt } = session;
    return {
      callId,
      fromTag,
      toTag: toTag ?? null,
      ageMs: Math.round(now - createdAt),
      upMs: this.#completeSince === undefined ? null : Math.round(now - this.#completeSince),
      caller: this.#direction(now, session, CALLER_SIDE),
      callee: this.#direction(now, session, CALLEE_SIDE),
    };
  }

  #turn(now: number, session: SessionView, side: Side, was: Verdict): MediaEvent[] {
    const { verdict } = this.#directions[side];
    const isNews = verdict !== was && !(was === 'waiting' && (verdict === 'flows' || verdict === 'held'));
    if (!isNews || verdict === 'waiting' || this.#events >= MAX_EVENTS) {
      return [];
    }
    this.#events += 1;
    const { local, remote } = session.legs[side];
    return [
      {
        callId: session.callId,
        party: sideName(side),
        verdict,
        was,
        sure: !this.#mayRing(now, session),
        words: this.#words(now, session, side),
        local: addressText(local),
        remote: addressText(remote),
      },
    ];
  }

  #words(now: number, session: SessionView, side: Side): string {
    const far = otherSide(side);
    const farPlace = { verdict: this.#directions[far].verdict, ...this.#place(now, session, far) };
    return sentenceOf(this.#directions[side].verdict, this.#place(now, session, side), farPlace);
  }

  #place(now: number, session: SessionView, side: Side): Place {
    const { local, remote, signalled, counters } = session.legs[side];
    return {
      party: sideName(side),
      local: addressText(local) ?? 'no port',
      signalled: addressText(signalled),
      remote: addressText(remote),
      rtcpOnly: counters.rtcpAccepted + counters.rtcpRefused > 0,
      mayRing: this.#mayRing(now, session),
      holdIsGuess: !session.onHold,
    };
  }

  /** `L` comes with 183 as it does with 200. */
  #mayRing(now: number, { stage }: SessionView): boolean {
    return stage === undefined && now - (this.#completeSince ?? now) < LONGEST_RINGING_MS;
  }

  #direction(now: number, session: SessionView, side: Side): DirectionReport {
    const direction = this.#directions[side];
    const { counters, local, remote, way } = session.legs[side];
    const { analysis } = counters;
    const listener = session.legs[otherSide(side)].counters;
    return {
      verdict: direction.verdict,
      words: this.#words(now, session, side),
      local: addressText(local),
      remote: addressText(remote),
      codec: direction.codec?.name ?? null,
      packets: counters.rtpAccepted,
      lost: analysis.lost,
      duplicates: analysis.duplicates,
      lossPercent: percent(analysis.sent === 0 ? 0 : analysis.lost / analysis.sent),
      jitterMs: rounded(jitterMs(analysis.jitterMean, analysis.clockHz), 10),
      longestGapMs: Math.round(analysis.longestGapMs),
      gaps: analysis.gaps,
      way: way ?? null,
      silentMs: analysis.lastAt === Number.NEGATIVE_INFINITY ? null : Math.max(0, Math.round(now - analysis.lastAt)),
      refused: counters.rtpRefused,
      rtcpPackets: counters.rtcpAccepted,
      heard:
        listener.reports === 0
          ? null
          : {
              lossPercent: percent(listener.reportedLoss),
              jitterMs: rounded(jitterMs(listener.reportedJitter, analysis.clockHz), 10),
            },
      mos: rounded(direction.mos(counters), 100),
      mosNow: rounded(direction.mosNow, 100),
      mosLow: rounded(direction.mosLow, 100),
    };
  }
}

const BOTH = [CALLER_SIDE, CALLEE_SIDE] as const;

function addressText(address: TransportAddress | undefined): string | null {
  return address === undefined ? null : formatTransportAddress(address);
}

function percent(fraction: number): number {
  return Math.round(Math.max(0, fraction) * 10_000) / 100;
}

function rounded(value: number | undefined, steps: number): number | null {
  return value === undefined ? null : Math.round(value * steps) / steps;
}
