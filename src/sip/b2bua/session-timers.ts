import { type SessionAgreement, SessionTimer, withoutTimer } from '../dialog/session-timer.ts';
import { maxForwards } from '../message/headers/max-forwards.ts';
import type { Headers } from '../message/headers.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import type { Branch } from './branch.ts';
import { contactOf } from './crossing.ts';
import type { ClientId } from './effects.ts';
import type { CallHost, Timed } from './host.ts';
import { otherSide, type Side } from './media-relay.ts';

const OWN_MAX_FORWARDS = 70;

/** After a refresh that failed for the moment (422, 491, 500). */
const RETRY_MS = 5000;

const SIDES = ['caller', 'callee'] as const;

/**
 * The session timers of a branch, one for each leg: a party that supports RFC 4028 gets one, whatever the other one
 * does. Who refreshes does so by re-INVITE or UPDATE, which crosses, and refreshes the other leg too; where it falls to
 * us we send an UPDATE. A leg that nobody refreshes ends the call on both.
 */
export class SessionTimers implements Timed {
  readonly #branch: Branch;
  readonly #host: CallHost;
  readonly #timers: Readonly<Record<Side, SessionTimer>> = { caller: new SessionTimer(), callee: new SessionTimer() };
  /** Our UPDATEs that wait for an answer. */
  readonly #refreshes = new Map<Side, ClientId>();
  readonly #retryAt: Record<Side, number> = { caller: 0, callee: 0 };
  #stopped = false;

  constructor(branch: Branch, host: CallHost) {
    this.#branch = branch;
    this.#host = host;
  }

  /** After a restart: nobody knows what happened meanwhile, so each session has its whole time again. */
  resume(agreements: SessionAgreements | undefined): void {
    for (const side of SIDES) {
      this.#timers[side].resume(this.#host.now, agreements?.[side]);
    }
    this.#arm();
  }

  snapshot(): SessionAgreements {
    const [caller, callee] = [this.#timers.caller.agreement, this.#timers.callee.agreement];
    return { ...(caller !== undefined && { caller }), ...(callee !== undefined && { callee }) };
  }

  /** An INVITE or UPDATE on its way to a side. */
  dressRequest(to: Side, original: SipRequest, headers: Headers): void {
    withoutTimer(headers);
    const { options } = this.#host;
    const other = this.#timers[otherSide(to)].offered(original, options);
    // One that refreshes its own leg does it for both; where it does not, the other one is to.
    const preferred = other?.refresher === 'peer' ? 'us' : 'peer';
    const sessionSeconds = Math.max(options.sessionSeconds, other?.seconds ?? 0);
    this.#timers[to].dressRequest(headers, { ...options, sessionSeconds }, preferred);
  }

  /** A 2xx to such a request, as it came and as it goes to the one who asked. */
  handleAnswer(from: Side, request: SipRequest, response: SipResponse, headers: Headers): void {
    const { now, options } = this.#host;
    withoutTimer(headers);
    const other = this.#timers[otherSide(from)];
    other.handleAnswer(now, response, options);
    this.#timers[from].dressAnswer(now, request, headers, options, other.agreement?.seconds);
    this.#arm();
  }

  /** A re-INVITE of ours. */
  dressOwn(to: Side, headers: Headers): void {
    this.#timers[to].dressRequest(headers, this.#host.options, 'us');
  }

  /** A 2xx to it. Who forgets to say so again still has its session refreshed. */
  handleOwnAnswer(from: Side, response: SipResponse): void {
    const { now, options } = this.#host;
    const timer = this.#timers[from];
    timer.handleAnswer(now, response, options, timer.agreement);
    this.#arm();
  }

  /** The party wants a longer session (422). True: the request is to be sent again. */
  lengthen(to: Side, response: SipResponse): boolean {
    return this.#timers[to].lengthen(response);
  }

  /** The branch is over. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#host.setDeadline(this, Number.POSITIVE_INFINITY);
    for (const id of this.#refreshes.values()) {
      this.#host.forget(id);
    }
    this.#refreshes.clear();
  }

  handleTimeout(): void {
    const { now } = this.#host;
    for (const side of SIDES) {
      const timer = this.#timers[side];
      if (timer.expiresAt() <= now) {
        const how = timer.agreement?.refresher === 'us' ? 'took no refresh' : 'was to refresh it';
        this.#branch.call.end({ by: 'server', reason: `session-expired: the ${side} ${how}` });
        return;
      }
      if (this.#refreshAt(side) <= now) {
        this.#refresh(side);
      }
    }
    this.#arm();
  }

  #refreshAt(side: Side): number {
    return this.#refreshes.has(side)
      ? Number.POSITIVE_INFINITY
      : Math.max(this.#timers[side].refreshAt(), this.#retryAt[side]);
  }

  #arm(): void {
    if (!this.#stopped) {
      const times = SIDES.flatMap((side) => [this.#refreshAt(side), this.#timers[side].expiresAt()]);
      this.#host.setDeadline(this, Math.min(...times));
    }
  }

  #refresh(side: Side): void {
    const dialog = this.#branch.dialogs[side];
    const request = dialog.createRequest('UPDATE');
    request.headers.write(maxForwards, OWN_MAX_FORWARDS);
    request.headers.append('Contact', contactOf(dialog.flow, this.#branch.userTowards(side)));
    this.#timers[side].dressRequest(request.headers, this.#host.options, 'us');
    const id = this.#host.request(request, dialog.nextHop(), {
      handleResponse: (response) => {
        if (response.status >= 200) {
          this.#conclude(side, response.status, response);
        }
      },
      handleFailure: (status) => this.#conclude(side, status, undefined),
    });
    this.#refreshes.set(side, id);
  }

  #conclude(side: Side, status: number, response: SipResponse | undefined): void {
    const { now, options } = this.#host;
    const id = this.#refreshes.get(side);
    if (id === undefined) {
      return;
    }
    this.#refreshes.delete(side);
    this.#host.forget(id);
    const timer = this.#timers[side];
    if (status === 408 || status === 481) {
      this.#branch.call.end({ by: 'server', reason: `the ${side} no longer knows the call` });
      return;
    }
    if (response !== undefined && status < 300) {
      // Who forgets to say so again still has its session refreshed.
      timer.handleAnswer(now, response, options, timer.agreement);
    } else if (status === 405 || status === 501) {
      // It takes no UPDATE: it is there, and that is all we can know.
      timer.resume(now, undefined);
    } else {
      if (response !== undefined && status === 422) {
        timer.lengthen(response);
      }
      this.#retryAt[side] = now + RETRY_MS;
    }
    this.#arm();
  }
}

/** What both legs have agreed on, as plain data. */
export type SessionAgreements = Readonly<Partial<Record<Side, SessionAgreement | undefined>>>;
