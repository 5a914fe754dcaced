/**
 * The session timer of one dialog (RFC 4028): how long the session holds without a refresh, and who refreshes it.
 *
 *   off ──2xx to INVITE or UPDATE with Session-Expires──► running ──2xx, again──► running from now
 *                                                            ├── more than half the time is over, and we refresh ──► `refreshAt`
 *                                                            └── nobody has ──► `expiresAt`
 *
 * The peer that refreshes does so at half the time (10); we give it a chance to come first, since a refresh of one party
 * crosses to the other and is one for both.
 */

import { minSe } from '../message/headers/min-se.ts';
import { type SessionExpires, sessionExpires } from '../message/headers/session-expires.ts';
import type { Headers } from '../message/headers.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';

const OPTION_TAG = 'timer';

/** Of the session's time, until we refresh it. */
const REFRESH_SHARE = 0.55;

/** A session that is longer than a day needs no timer. */
const LONGEST_SECONDS = 86_400;

export interface SessionTimerOptions {
  /** What we ask for where the peer does not; 0: nothing. */
  readonly sessionSeconds: number;
  /** The shortest session that is accepted. */
  readonly minSessionSeconds: number;
}

export interface SessionAgreement {
  readonly seconds: number;
  readonly refresher: 'us' | 'peer';
}

export class SessionTimer {
  #agreement: SessionAgreement | undefined;
  #refreshedAt = 0;
  /** What the peer refused to go below. */
  #peerMinimum = 0;

  get agreement(): SessionAgreement | undefined {
    return this.#agreement;
  }

  /** Goes on with what another process has agreed on. The time counts from now. */
  resume(now: number, agreement: SessionAgreement | undefined): void {
    this.#agreement = agreement;
    this.#refreshedAt = now;
  }

  /** When we are to refresh; Infinity: the peer does, or nobody. */
  refreshAt(): number {
    return this.#agreement?.refresher === 'us'
      ? this.#refreshedAt + this.#agreement.seconds * 1000 * REFRESH_SHARE
      : Number.POSITIVE_INFINITY;
  }

  /**
   * When the session is over if nobody refreshes it (10). If the peer was to, a little before its time, for the BYE to
   * arrive; if we were, our attempts have the whole of it.
   */
  expiresAt(): number {
    if (this.#agreement === undefined) {
      return Number.POSITIVE_INFINITY;
    }
    const { seconds, refresher } = this.#agreement;
    return this.#refreshedAt + (seconds - (refresher === 'us' ? 0 : Math.min(32, seconds / 3))) * 1000;
  }

  /** Header fields of an INVITE or UPDATE of ours (7.1, 7.4). `preferred` refreshes if nothing is agreed on yet. */
  dressRequest(headers: Headers, options: SessionTimerOptions, preferred: 'us' | 'peer'): void {
    const seconds = Math.max(this.#agreement?.seconds ?? options.sessionSeconds, this.#peerMinimum);
    if (seconds === 0) {
      return;
    }
    if (!headers.getAll('Supported').some(isTimer)) {
      headers.append('Supported', OPTION_TAG);
    }
    const refresher = (this.#agreement?.refresher ?? preferred) === 'us' ? 'uac' : 'uas';
    headers.write(sessionExpires, { seconds, refresher });
    const minimum = Math.max(options.minSessionSeconds, this.#peerMinimum);
    if (minimum > 90) {
      headers.write(minSe, minimum);
    }
  }

  /** The peer has answered such a request with a 2xx (7.2). `silent`: what holds if it says nothing of a session. */
  handleAnswer(now: number, response: SipResponse, options: SessionTimerOptions, silent?: SessionAgreement): void {
    const granted = response.headers.read(sessionExpires);
    this.resume(
      now,
      granted === undefined
        ? silent
        : {
            seconds: inRange(granted.seconds, options.minSessionSeconds),
            refresher: granted.refresher === 'uas' ? 'peer' : 'us',
          },
    );
  }

  /** The peer refused with 422: the next request asks for as much as it wants. False: it already did. */
  lengthen(response: SipResponse): boolean {
    const wanted = response.headers.read(minSe);
    if (wanted === undefined || wanted <= this.#peerMinimum || wanted > LONGEST_SECONDS) {
      return false;
    }
    this.#peerMinimum = wanted;
    return true;
  }

  /**
   * The fields of our 2xx to the peer's INVITE or UPDATE, and the agreement that they make. `limit`: the time of the
   * other leg, which the refreshes of this one are to serve as well.
   */
  dressAnswer(
    now: number,
    request: SipRequest,
    headers: Headers,
    options: SessionTimerOptions,
    limit: number | undefined,
  ): void {
    const agreement = this.offered(request, options, limit);
    this.resume(now, agreement);
    if (agreement === undefined) {
      return;
    }
    const refresher = agreement.refresher === 'peer' ? 'uac' : 'uas';
    headers.write(sessionExpires, { seconds: agreement.seconds, refresher });
    if (refresher === 'uac') {
      headers.append('Require', OPTION_TAG);
    }
  }

  /** What a request of the peer would lead to (9, table 2). */
  offered(request: SipRequest, options: SessionTimerOptions, limit?: number): SessionAgreement | undefined {
    const asked = request.headers.read(sessionExpires);
    const supports = supportsTimer(request);
    const ours = options.sessionSeconds === 0 ? limit : options.sessionSeconds;
    const longest = asked?.seconds ?? (supports ? (this.#agreement?.seconds ?? ours) : undefined);
    if (longest === undefined) {
      return undefined;
    }
    const wanted = Math.min(longest, limit ?? longest);
    const minimum = Math.max(options.minSessionSeconds, request.headers.read(minSe) ?? 0);
    return { seconds: inRange(wanted, minimum), refresher: this.#refresherFor(asked, supports) };
  }

  #refresherFor(asked: SessionExpires | undefined, supports: boolean): 'us' | 'peer' {
    if (!supports) {
      return 'us';
    }
    return asked?.refresher === undefined
      ? (this.#agreement?.refresher ?? 'peer')
      : asked.refresher === 'uac'
        ? 'peer'
        : 'us';
  }
}

/** The Min-SE for the 422 that a request deserves (5); only who supports session timers understands one. */
export function tooBrief(request: SipRequest, { minSessionSeconds }: SessionTimerOptions): number | undefined {
  const asked = request.headers.read(sessionExpires);
  return asked !== undefined && asked.seconds < minSessionSeconds && supportsTimer(request)
    ? minSessionSeconds
    : undefined;
}

/** Takes out what one leg says about timers and Require has passed on from the other one. */
export function withoutTimer(headers: Headers): void {
  const required = headers.getAll('Require');
  if (required.some(isTimer)) {
    headers.remove('Require');
    for (const tag of required.filter((each) => !isTimer(each))) {
      headers.append('Require', tag);
    }
  }
}

function supportsTimer({ headers }: SipRequest): boolean {
  return [...headers.getAll('Supported'), ...headers.getAll('Require')].some(isTimer);
}

function isTimer(tag: string): boolean {
  return tag.trim().toLowerCase() === OPTION_TAG;
}

function inRange(seconds: number, minimum: number): number {
  return Math.min(Math.max(seconds, minimum), Math.max(LONGEST_SECONDS, minimum));
}
