/** What is known of a call's media, as it is told to people and to other programs: `calls`, events, the log, CDRs. */
import type { FlowState } from '../media/flow-states.ts';

/** Named after who sends: `caller` is what the caller says and the callee is to hear. */
export type Party = 'caller' | 'callee';

export const VERDICTS = [
  'waiting',
  'flows',
  'held',
  'late',
  'silent',
  'never-arrived',
  'stranger',
  'wrong-port',
  'undeliverable',
] as const;

/**
 * One direction at an instant.
 *
 * - `waiting`: there is no call yet, or it is too young to tell;
 * - `held`: signalling has told a party to be quiet, or it stopped when signalling spoke of it anew; nothing is expected;
 * - `late`: it flows, but began long after the answer: the relay had to learn where it comes from, or it was blocked;
 * - `silent`: it has flowed and stopped;
 * - `never-arrived`, `stranger` (only others send to this port), `wrong-port`, `undeliverable` (it comes, and nobody knows
 *   where to send it): nobody hears this party.
 */
export type Verdict = (typeof VERDICTS)[number];

/** Verdicts that somebody must act on: the direction is dead, or was when it should not have been. */
const ALARMS: ReadonlySet<Verdict> = new Set(['silent', 'never-arrived', 'stranger', 'wrong-port', 'undeliverable']);

export function isAlarm(verdict: Verdict): boolean {
  return ALARMS.has(verdict);
}

/**
 * Of the log and of events. A party that falls silent may have muted itself.
 * @param sure false: the proxy does not tell whether somebody has answered
 */
export function levelOf(verdict: Verdict, sure: boolean): 'warn' | 'info' {
  return isAlarm(verdict) && verdict !== 'silent' && sure ? 'warn' : 'info';
}

export interface DirectionReport {
  readonly verdict: Verdict;
  /** The same as a sentence that names addresses. */
  readonly words: string;
  /** address:port of ours that the party sends to; null: it has none yet. */
  readonly local: string | null;
  /** Where it is believed to be. */
  readonly remote: string | null;
  /** Encoding name, or what can be said without SDP; null: nothing was heard. */
  readonly codec: string | null;
  readonly packets: number;
  /** Sequence numbers that never came. */
  readonly lost: number;
  readonly duplicates: number;
  /** Lost of those that were sent, percent. */
  readonly lossPercent: number;
  /** Mean interarrival jitter; null: its clock is not known. */
  readonly jitterMs: number | null;
  readonly longestGapMs: number;
  /** Pauses of more than 200 ms. */
  readonly gaps: number;
  /** Where its packets pass, `kernel` or why by the sockets (FLOW_STATES); null: the plane has only one way. */
  readonly way: FlowState | null;
  /** Since its last packet; null: none came. */
  readonly silentMs: number | null;
  /** Packets of sources that are not the party. */
  readonly refused: number;
  readonly rtcpPackets: number;
  /** What the other party says of it, where its RTCP passes: loss behind the relay is seen only there. */
  readonly heard: { readonly lossPercent: number; readonly jitterMs: number | null } | null;
  /** Mean opinion score of the whole stream, of the last seconds, and of its worst seconds; null: no estimate. */
  readonly mos: number | null;
  readonly mosNow: number | null;
  readonly mosLow: number | null;
}

/** One stream of a call. */
export interface StreamReport {
  /** As the proxy names it to the relay. */
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string | null;
  readonly ageMs: number;
  /** Since both parties were known; null: the callee is not yet. */
  readonly upMs: number | null;
  readonly caller: DirectionReport;
  readonly callee: DirectionReport;
}

/** A turn in the life of a direction, for the log and for those who follow events. */
export interface MediaEvent {
  readonly callId: string;
  readonly party: Party;
  readonly verdict: Verdict;
  /** Before. */
  readonly was: Verdict;
  /** False: the call may still ring, which the proxy does not tell. */
  readonly sure: boolean;
  readonly words: string;
  readonly local: string | null;
  readonly remote: string | null;
}
