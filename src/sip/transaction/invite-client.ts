import { assertNever } from '../../wire/assert-never.ts';
import { cseq } from '../message/headers/cseq.ts';
import { Headers } from '../message/headers.ts';
import { EMPTY_BODY, isSuccess, type SipRequest, type SipResponse } from '../message/message.ts';
import type { SendEffect, TransactionEffect, TransactionKey } from './effects.ts';
import { type Flow, isReliable } from './flow.ts';
import { TIMER_D_MS, Timers, type TimerValues } from './timers.ts';
import { type ClientTransaction, prepareSend, type TransactionInit } from './transaction.ts';

export type ExtraHeaders = Iterable<readonly [name: string, value: string]>;

/**
 * INVITE client transaction (RFC 3261 17.1.1 with RFC 6026 7.2).
 *
 *                 INVITE sent
 *                      |            A: INVITE again
 *                  [Calling] ------ B: timeout ------------------+
 *         1xx |        | 2xx    \ 300-699: ACK                   |
 *             v        |         \                               |
 *      [Proceeding] -- | 2xx --+  +--> [Completed] -- D -------->|
 *          |           v       |           ^  300-699: ACK again |
 *          |       [Accepted] <+           |                     |
 *          |           | each 2xx: user    |                     v
 *          |           +---------- M ------|--------------> [Terminated]
 *          +------- 300-699: ACK ----------+
 */
export class InviteClientTransaction implements ClientTransaction {
  readonly key: TransactionKey;
  readonly flow: Flow;
  readonly #values: TimerValues;
  readonly #timers = new Timers();
  /** Undefined once there is a final response. */
  #request: SipRequest | undefined;
  #send: SendEffect | undefined;
  #state: 'calling' | 'proceeding' | 'accepted' | 'completed' | 'terminated' = 'calling';
  #retransmitMs: number;
  #ack: SendEffect | undefined;
  #cancelled = false;

  constructor(init: TransactionInit) {
    this.key = init.key;
    this.flow = init.flow;
    this.#values = init.timers;
    this.#retransmitMs = init.timers.t1Ms;
    this.#request = init.request;
    this.#send = prepareSend(init.request, init.flow, init.key);
  }

  get state(): string {
    return this.#state;
  }

  get terminated(): boolean {
    return this.#state === 'terminated';
  }

  get unanswered(): boolean {
    return this.#state === 'calling' || this.#state === 'proceeding';
  }

  get unheard(): SipRequest | undefined {
    return this.#state === 'calling' ? this.#request : undefined;
  }

  get sizeBytes(): number {
    return this.#send?.bytes.length ?? 0;
  }

  /** A CANCEL may leave now: a provisional response has come and no final one (RFC 3261 9.1). */
  get cancellable(): boolean {
    return this.#state === 'proceeding' && !this.#cancelled;
  }

  /** A CANCEL has to wait for the first provisional response. */
  get cancelMustWait(): boolean {
    return this.#state === 'calling';
  }

  start(now: number, out: TransactionEffect[]): void {
    push(out, this.#send);
    if (!isReliable(this.flow)) {
      this.#timers.start('A', now + this.#retransmitMs);
    }
    this.#timers.start('B', now + 64 * this.#values.t1Ms);
  }

  /**
   * The CANCEL that is to be sent now, once; undefined unless `cancellable`. Without a final response in 64*T1 from now
   * the transaction counts as ended.
   */
  takeCancel(now: number, extra: ExtraHeaders): SipRequest | undefined {
    if (!this.cancellable || this.#request === undefined) {
      return undefined;
    }
    this.#cancelled = true;
    this.#timers.start('cancel', now + 64 * this.#values.t1Ms);
    return cancelFor(this.#request, extra);
  }

  handleResponse(now: number, response: SipResponse, out: TransactionEffect[]): void {
    switch (this.#state) {
      case 'calling':
      case 'proceeding':
        this.#handleAwaited(now, response, out);
        return;
      case 'accepted':
        if (isSuccess(response.status)) {
          out.push({ kind: 'response', key: this.key, response, flow: this.flow });
        }
        return;
      case 'completed':
        if (response.status >= 300) {
          push(out, this.#ack);
        }
        return;
      case 'terminated':
        return;
      default:
        assertNever(this.#state);
    }
  }

  nextTimeoutAt(): number {
    return this.#timers.next();
  }

  handleTimeout(now: number, out: TransactionEffect[]): void {
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) {
      switch (due.name) {
        case 'A':
          this.#retransmitMs *= 2;
          push(out, this.#send);
          this.#timers.start('A', now + this.#retransmitMs);
          break;
        case 'B':
        case 'cancel':
          out.push({ kind: 'timeout', key: this.key });
          this.#terminate(out);
          break;
        default:
          this.#terminate(out);
      }
    }
  }

  handleTransportError(reason: string, out: TransactionEffect[]): void {
    if (this.unanswered || this.#state === 'completed') {
      out.push({ kind: 'transport-error', key: this.key, reason });
      this.#terminate(out);
    }
  }

  #handleAwaited(now: number, response: SipResponse, out: TransactionEffect[]): void {
    this.#timers.stop('A', 'B');
    if (response.status < 200) {
      this.#state = 'proceeding';
      out.push({ kind: 'response', key: this.key, response, flow: this.flow });
      return;
    }
    this.#timers.stopAll();
    const request = this.#request;
    this.#request = undefined;
    this.#send = undefined;
    if (isSuccess(response.status)) {
      this.#state = 'accepted';
      this.#timers.start('M', now + 64 * this.#values.t1Ms);
      out.push({ kind: 'response', key: this.key, response, flow: this.flow });
      return;
    }
    this.#state = 'completed';
    this.#ack = request && prepareSend(ackFor(request, response), this.flow, this.key);
    push(out, this.#ack);
    out.push({ kind: 'response', key: this.key, response, flow: this.flow });
    this.#timers.start('D', now + (isReliable(this.flow) ? 0 : TIMER_D_MS));
  }

  #terminate(out: TransactionEffect[]): void {
    this.#state = 'terminated';
    this.#timers.stopAll();
    out.push({ kind: 'terminated', key: this.key });
  }
}

function push(out: TransactionEffect[], effect: SendEffect | undefined): void {
  if (effect !== undefined) {
    out.push(effect);
  }
}

/** The ACK to a 300–699 (RFC 3261 17.1.1.3): the INVITE's only Via and its Route, the response's To. */
function ackFor(invite: SipRequest, response: SipResponse): SipRequest {
  const headers = hopHeaders(invite, 'ACK');
  headers.set('To', response.headers.get('To') ?? invite.headers.get('To') ?? '');
  return { kind: 'request', method: 'ACK', uri: invite.uri, headers, body: EMPTY_BODY };
}

/** The CANCEL of an INVITE (RFC 3261 9.1): everything that identifies it, as it was sent. */
function cancelFor(invite: SipRequest, extra: ExtraHeaders): SipRequest {
  const headers = hopHeaders(invite, 'CANCEL');
  for (const [name, value] of extra) {
    headers.append(name, value);
  }
  return { kind: 'request', method: 'CANCEL', uri: invite.uri, headers, body: EMPTY_BODY };
}

/** What ACK and CANCEL share with their INVITE. */
function hopHeaders(invite: SipRequest, method: string): Headers {
  const headers = new Headers([
    ['Via', invite.headers.getAll('Via')[0] ?? ''],
    ['Max-Forwards', '70'],
  ]);
  for (const name of ['Route', 'From', 'To', 'Call-ID']) {
    for (const value of invite.headers.getLines(name)) {
      headers.append(name, value);
    }
  }
  return headers.append('CSeq', `${invite.headers.read(cseq)?.number ?? 0} ${method}`);
}
