import { assertNever } from '../../wire/assert-never.ts';
import { to } from '../message/headers/to.ts';
import { isSuccess, type SipRequest, type SipResponse } from '../message/message.ts';
import { createResponse } from '../message/response.ts';
import type { SendEffect, TransactionEffect, TransactionKey } from './effects.ts';
import { type Flow, isReliable } from './flow.ts';
import { Timers, type TimerValues } from './timers.ts';
import { prepareSend, type ServerTransaction, type TransactionInit } from './transaction.ts';

/**
 * INVITE server transaction (RFC 3261 17.2.1 with RFC 6026 7.1).
 *
 *        INVITE received          INVITE again: last 1xx again
 *               |                 trying: 100 sent
 *         [Proceeding] ---- 2xx by the user ----> [Accepted] ---- L ----+
 *               |                                  each 2xx of the user |
 *               | 300-699 by the user              ACK: user            |
 *               v                                                       v
 *         [Completed] -- ACK --> [Confirmed] -------- I ----------> [Terminated]
 *           G, INVITE again: final again                                ^
 *               +------------------ H: ack-timeout ---------------------+
 */
export class InviteServerTransaction implements ServerTransaction {
  readonly key: TransactionKey;
  readonly flow: Flow;
  readonly #values: TimerValues;
  readonly #timers = new Timers();
  #state: 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated' = 'proceeding';
  #retransmitMs: number;
  /** For the 100; undefined once the user has answered. */
  #request: SipRequest | undefined;
  /** What an INVITE again is answered with; undefined in Accepted, where the user repeats its 2xx. */
  #last: SendEffect | undefined;
  #toTag: string | undefined;

  constructor(init: TransactionInit & { readonly now: number; readonly tryingAfterMs: number }) {
    this.key = init.key;
    this.#request = init.request;
    this.flow = init.flow;
    this.#values = init.timers;
    this.#retransmitMs = init.timers.t1Ms;
    this.#timers.start('trying', init.now + init.tryingAfterMs);
  }

  get state(): string {
    return this.#state;
  }

  get terminated(): boolean {
    return this.#state === 'terminated';
  }

  /** An INVITE that came again would be another call. */
  get isSpent(): boolean {
    return false;
  }

  /** The To tag of the last response; undefined before there is one. */
  get toTag(): string | undefined {
    return this.#toTag;
  }

  /** No final response has been given: a CANCEL has an effect (RFC 3261 9.2). */
  get cancellable(): boolean {
    return this.#state === 'proceeding';
  }

  handleRequest(now: number, request: SipRequest, out: TransactionEffect[]): void {
    if (request.method === 'ACK') {
      this.#handleAck(now, request, out);
    } else if ((this.#state === 'proceeding' || this.#state === 'completed') && this.#last !== undefined) {
      out.push(this.#last);
    }
  }

  respond(now: number, response: SipResponse, out: TransactionEffect[]): void {
    switch (this.#state) {
      case 'proceeding':
        this.#timers.stop('trying');
        this.#request = undefined;
        this.#transmit(response, out);
        if (isSuccess(response.status)) {
          this.#state = 'accepted';
          this.#last = undefined;
          this.#timers.start('L', now + 64 * this.#values.t1Ms);
        } else if (response.status >= 300) {
          this.#state = 'completed';
          this.#timers.start('H', now + 64 * this.#values.t1Ms);
          if (!isReliable(this.flow)) {
            this.#timers.start('G', now + this.#retransmitMs);
          }
        }
        return;
      case 'accepted':
        if (isSuccess(response.status)) {
          this.#transmit(response, out);
          this.#last = undefined;
        }
        return;
      case 'completed':
      case 'confirmed':
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
        case 'trying':
          if (this.#request !== undefined) {
            this.#transmit(createResponse(this.#request, 100), out);
          }
          break;
        case 'G':
          this.#retransmitMs = Math.min(2 * this.#retransmitMs, this.#values.t2Ms);
          if (this.#last !== undefined) {
            out.push(this.#last);
          }
          this.#timers.start('G', now + this.#retransmitMs);
          break;
        case 'H':
          out.push({ kind: 'ack-timeout', key: this.key });
          this.#terminate(out);
          break;
        default:
          this.#terminate(out);
      }
    }
  }

  /** Responses that cannot be sent end the transaction, except in Accepted: the 2xx belong to the user (RFC 6026). */
  handleTransportError(reason: string, out: TransactionEffect[]): void {
    if (this.#state === 'accepted' || this.#state === 'terminated') {
      return;
    }
    out.push({ kind: 'transport-error', key: this.key, reason });
    this.#terminate(out);
  }

  #handleAck(now: number, request: SipRequest, out: TransactionEffect[]): void {
    if (this.#state === 'accepted') {
      // Only an agent in the way of RFC 2543 puts the INVITE's branch into the ACK to a 2xx.
      out.push({ kind: 'ack', request, flow: this.flow });
    } else if (this.#state === 'completed') {
      this.#state = 'confirmed';
      this.#last = undefined;
      this.#timers.stopAll();
      this.#timers.start('I', now + (isReliable(this.flow) ? 0 : this.#values.t4Ms));
    }
  }

  #transmit(response: SipResponse, out: TransactionEffect[]): void {
    this.#toTag = response.headers.read(to)?.parameters.get('tag') ?? this.#toTag;
    this.#last = prepareSend(response, this.flow, this.key);
    out.push(this.#last);
  }

  #terminate(out: TransactionEffect[]): void {
    this.#state = 'terminated';
    this.#timers.stopAll();
    out.push({ kind: 'terminated', key: this.key });
  }
}
