import type { SipRequest, SipResponse } from '../message/message.ts';
import type { SendEffect, TransactionEffect, TransactionKey } from './effects.ts';
import { type Flow, isReliable } from './flow.ts';
import { Timers, type TimerValues } from './timers.ts';
import { prepareSend, type ServerTransaction, type TransactionInit } from './transaction.ts';

/**
 * Non-INVITE server transaction (RFC 3261 17.2.2).
 *
 *      request received
 *             |
 *         [Trying] ------- 200-699 by the user ------+
 *      1xx by |   \ abandon                          |
 *    the user v    +---------------> [Terminated]    v
 *       [Proceeding] --- 200-699 ---> [Completed] -- J --> [Terminated]
 *         request again: 1xx again      request again: final again
 */
export class NonInviteServerTransaction implements ServerTransaction {
  readonly key: TransactionKey;
  readonly flow: Flow;
  readonly #values: TimerValues;
  readonly #timers = new Timers();
  #state: 'trying' | 'proceeding' | 'completed' | 'terminated' = 'trying';
  #last: SendEffect | undefined;

  constructor(init: TransactionInit & { readonly now: number }) {
    this.key = init.key;
    this.flow = init.flow;
    this.#values = init.timers;
    this.#timers.start('abandon', init.now + 64 * init.timers.t1Ms);
  }

  get state(): string {
    return this.#state;
  }

  get terminated(): boolean {
    return this.#state === 'terminated';
  }

  get isSpent(): boolean {
    return this.#state === 'completed';
  }

  handleRequest(_now: number, _request: SipRequest, out: TransactionEffect[]): void {
    if (this.#last !== undefined && this.#state !== 'terminated') {
      out.push(this.#last);
    }
  }

  respond(now: number, response: SipResponse, out: TransactionEffect[]): void {
    if (this.#state !== 'trying' && this.#state !== 'proceeding') {
      return;
    }
    this.#last = prepareSend(response, this.flow, this.key);
    out.push(this.#last);
    if (response.status < 200) {
      this.#state = 'proceeding';
      return;
    }
    this.#state = 'completed';
    this.#timers.stopAll();
    this.#timers.start('J', now + (isReliable(this.flow) ? 0 : 64 * this.#values.t1Ms));
  }

  nextTimeoutAt(): number {
    return this.#timers.next();
  }

  handleTimeout(now: number, out: TransactionEffect[]): void {
    if (this.#timers.takeDue(now) !== undefined) {
      this.#terminate(out);
    }
  }

  handleTransportError(reason: string, out: TransactionEffect[]): void {
    if (this.#state !== 'terminated') {
      out.push({ kind: 'transport-error', key: this.key, reason });
      this.#terminate(out);
    }
  }

  #terminate(out: TransactionEffect[]): void {
    this.#state = 'terminated';
    this.#timers.stopAll();
    out.push({ kind: 'terminated', key: this.key });
  }
}
