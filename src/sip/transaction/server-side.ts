import { OldestFirst } from '../../wire/oldest-first.ts';
import { to } from '../message/headers/to.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import { createResponse } from '../message/response.ts';
import type { TransactionEffect, TransactionKey } from './effects.ts';
import type { Flow } from './flow.ts';
import type { IdSource } from './ids.ts';
import { InviteServerTransaction } from './invite-server.ts';
import { isRfc2543, serverKeyOf } from './matching.ts';
import { NonInviteServerTransaction } from './non-invite-server.ts';
import { onFlow, type RunningTransactions } from './running-transactions.ts';
import type { TimerValues } from './timers.ts';
import { prepareSend, type ServerTransaction } from './transaction.ts';
import { responseFlow, stampTopVia } from './via-routing.ts';

/** The part of the server transactions that requests outside of dialogs may fill. */
const SHARE_OF_NEW_REQUESTS = 0.8;

export interface ServerSideOptions {
  readonly running: RunningTransactions;
  readonly ids: IdSource;
  readonly timers: TimerValues;
  readonly maxTransactions: number;
  readonly tryingAfterMs: number;
  readonly retryAfterSeconds: number;
}

/** Requests of others (RFC 3261 17.2): told to the user once, answered as often as they come. */
export class ServerSide {
  readonly #running: RunningTransactions;
  readonly #options: ServerSideOptions;
  /** Those that do no more than repeat their answer: when there is no room the one that has done so longest goes. */
  readonly #spent = new OldestFirst<TransactionKey, ServerTransaction>();

  constructor(options: ServerSideOptions) {
    this.#options = options;
    this.#running = options.running;
  }

  respond(now: number, key: TransactionKey, response: SipResponse, out: TransactionEffect[]): void {
    const transaction = this.#running.servers.get(key);
    if (transaction !== undefined) {
      transaction.respond(now, response, out);
      this.#settle(transaction);
    }
  }

  /** See `TransactionLayer.refuse`. */
  refuse(key: TransactionKey, response: SipResponse, out: TransactionEffect[]): void {
    const transaction = this.#running.servers.get(key);
    if (transaction !== undefined) {
      this.#running.forget(transaction);
      out.push(prepareSend(response, transaction.flow, undefined), { kind: 'terminated', key });
    }
  }

  /** See `TransactionLayer.ignore`. */
  ignore(key: TransactionKey, out: TransactionEffect[]): void {
    const transaction = this.#running.servers.get(key);
    if (transaction !== undefined) {
      this.#running.forget(transaction);
      out.push({ kind: 'terminated', key });
    }
  }

  handleRequest(now: number, request: SipRequest, flow: Flow, out: TransactionEffect[]): void {
    const key = serverKeyOf(request, request.method === 'ACK' ? 'INVITE' : request.method);
    const existing = this.#running.servers.get(key);
    if (request.method === 'ACK') {
      stampTopVia(request.headers, flow);
      this.#handleAck(now, request, flow, existing, out);
    } else if (existing !== undefined) {
      this.#running.counters.retransmissions++;
      existing.handleRequest(now, request, out);
    } else {
      stampTopVia(request.headers, flow);
      this.#start(now, key, request, flow, out);
    }
  }

  handleTransportError(flow: Flow, reason: string, key: TransactionKey | undefined, out: TransactionEffect[]): void {
    for (const server of onFlow(this.#running.servers, flow, key)) {
      this.#running.run(server, out, (effects) => server.handleTransportError(reason, effects));
    }
  }

  /** To be called after time-outs. Timer J is the same for all that are spent: those that it has ended are the oldest. */
  dropEnded(): void {
    for (let oldest = this.#spent.oldest(); oldest?.[1].terminated === true; oldest = this.#spent.oldest()) {
      this.#spent.delete(oldest[0]);
    }
  }

  #handleAck(
    now: number,
    request: SipRequest,
    flow: Flow,
    invite: ServerTransaction | undefined,
    out: TransactionEffect[],
  ): void {
    // Without a unique branch only the To tag tells the ACK to our response from the ACK to someone else's.
    const foreign =
      invite instanceof InviteServerTransaction &&
      isRfc2543(request) &&
      request.headers.read(to)?.parameters.get('tag') !== invite.toTag;
    if (invite === undefined || foreign) {
      out.push({ kind: 'ack', request, flow });
      return;
    }
    invite.handleRequest(now, request, out);
    this.#running.settle(invite);
  }

  #start(now: number, key: TransactionKey, request: SipRequest, flow: Flow, out: TransactionEffect[]): void {
    const { running, ids, timers, tryingAfterMs } = this.#options;
    const back = responseFlow(request.headers, flow);
    if (!this.#hasRoomFor(request, out)) {
      running.counters.overload++;
      const headers = [['Retry-After', String(this.#options.retryAfterSeconds)]] as const;
      out.push(prepareSend(createResponse(request, 503, { toTag: ids.tag(), headers }), back, undefined));
      return;
    }
    const invite = request.method === 'CANCEL' ? running.servers.get(serverKeyOf(request, 'INVITE')) : undefined;
    if (request.method === 'CANCEL' && invite === undefined) {
      out.push(prepareSend(createResponse(request, 481, { toTag: ids.tag() }), back, undefined));
      return;
    }
    const init = { key, request, flow: back, timers, now };
    const transaction =
      request.method === 'INVITE'
        ? new InviteServerTransaction({ tryingAfterMs, ...init })
        : new NonInviteServerTransaction(init);
    running.servers.set(key, transaction);
    if (request.method === 'CANCEL') {
      running.silence(transaction);
      this.#answerCancel(now, transaction, invite, request, out);
    } else {
      out.push({ kind: 'request', key, request, flow });
    }
    this.#settle(transaction);
  }

  /** RFC 3261 9.2: 200 whatever becomes of the INVITE. */
  #answerCancel(
    now: number,
    cancel: ServerTransaction,
    invite: ServerTransaction | undefined,
    request: SipRequest,
    out: TransactionEffect[],
  ): void {
    const found = invite instanceof InviteServerTransaction ? invite : undefined;
    const toTag = found?.toTag ?? this.#options.ids.tag();
    cancel.respond(now, createResponse(request, 200, { toTag }), out);
    if (found?.cancellable) {
      out.push({ kind: 'cancel', key: found.key, request });
    }
  }

  /**
   * A request that was answered and is forgotten before timer J would be a new one if it came again, 32 s late at most.
   * That is better than to refuse the phones that all register at once when the power is back.
   */
  #hasRoomFor(request: SipRequest, out: TransactionEffect[]): boolean {
    const { running, maxTransactions } = this.#options;
    const begins = request.method !== 'CANCEL' && !request.headers.read(to)?.parameters.has('tag');
    const limit = maxTransactions * (begins ? SHARE_OF_NEW_REQUESTS : 1);
    if (running.servers.size < limit) {
      return true;
    }
    this.dropEnded();
    const [key, transaction] = this.#spent.oldest() ?? [];
    if (key === undefined || transaction === undefined) {
      return false;
    }
    this.#spent.delete(key);
    running.forget(transaction);
    if (!running.isSilent(transaction)) {
      out.push({ kind: 'terminated', key });
    }
    return true;
  }

  #settle(transaction: ServerTransaction): void {
    this.#running.settle(transaction);
    if (transaction.isSpent) {
      this.#spent.set(transaction.key, transaction);
    }
  }
}
