import type { SipRequest, SipResponse } from '../message/message.ts';
import type { SendEffect, TransactionEffect, TransactionKey } from './effects.ts';
import { type Flow, isReliable } from './flow.ts';
import { Timers, type TimerValues } from './timers.ts';
import { type ClientTransaction, prepareSend, type TransactionInit } from './transaction.ts';

/**
 * Non-INVITE client transaction (RFC 3261 17.1.2).
 *
 *        request sent
 *             |        E: request again
 *         [Trying] --------- F: timeout ---------------+
 *      1xx |    \ 200-699                              |
 *          v     +------------> [Completed] --- K ---> [Terminated]
 *    [Proceeding] -- 200-699 ------^                   ^
 *          | E: request again each T2                  |
 *          +---------------- F: timeout ---------------+
 */
export class NonInviteClientTransaction implements ClientTransaction {
  readonly key: TransactionKey;
  readonly flow: Flow;
  readonly #values: TimerValues;
  readonly #timers = new Timers();
  /** Undefined once there is any response. */
  #request: SipRequest | undefined;
  /** Undefined once there is a final response. */
  #send: SendEffect | undefined;
  #state: 'trying' | 'proceeding' | 'completed' | 'terminated' = 'trying';
  #retransmitMs: number;

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
    return this.#state === 'trying' || this.#state === 'proceeding';
  }

  get unheard(): SipRequest | undefined {
    return this.unanswered ? this.#request : undefined;
  }

  get sizeBytes(): number {
    return this.#send?.bytes.length ?? 0;
  }

  start(now: number, out: TransactionEffect[]): void {
    this.#transmit(out);
    if (!isReliable(this.flow)) {
      this.#timers.start('E', now + this.#retransmitMs);
    }
    this.#timers.start('F', now + 64 * this.#values.t1Ms);
  }

  handleResponse(now: number, response: SipResponse, out: TransactionEffect[]): void {
    if (!this.unanswered) {
      return;
    }
    this.#request = undefined;
    out.push({ kind: 'response', key: this.key, response, flow: this.flow });
    if (response.status < 200) {
      this.#state = 'proceeding';
      return;
    }
    this.#state = 'completed';
    this.#send = undefined;
    this.#timers.stopAll();
    this.#timers.start('K', now + (isReliable(this.flow) ? 0 : this.#values.t4Ms));
  }

  nextTimeoutAt(): number {
    return this.#timers.next();
  }

  handleTimeout(now: number, out: TransactionEffect[]): void {
    for (let due = this.#timers.takeDue(now); due !== undefined; due = this.#timers.takeDue(now)) {
      switch (due.name) {
        case 'E':
          this.#retransmitMs =
            this.#state === 'proceeding' ? this.#values.t2Ms : Math.min(2 * this.#retransmitMs, this.#values.t2Ms);
          this.#transmit(out);
          this.#timers.start('E', now + this.#retransmitMs);
          break;
        case 'F':
          out.push({ kind: 'timeout', key: this.key });
          this.#terminate(out);
          break;
        default:
          this.#terminate(out);
      }
    }
  }

  handleTransportError(reason: string, out: TransactionEffect[]): void {
    if (this.unanswered) {
      out.push({ kind: 'transport-error', key: this.key, reason });
      this.#terminate(out);
    }
  }

  #transmit(out: TransactionEffect[]): void {
    if (this.#send !== undefined) {
      out.push(this.#send);
    }
  }

  #terminate(out: TransactionEffect[]): void {
    this.#state = 'terminated';
    this.#timers.stopAll();
    out.push({ kind: 'terminated', key: this.key });
  }
}
