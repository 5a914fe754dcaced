import { DeadlineQueue } from '../../wire/deadline-queue.ts';
import { to } from '../message/headers/to.ts';
import { via } from '../message/headers/via.ts';
import { cloneRequest, type SipMessage, type SipRequest, type SipResponse } from '../message/message.ts';
import { createResponse } from '../message/response.ts';
import type { TransactionEffect, TransactionKey } from './effects.ts';
import { type Flow, sameFlow } from './flow.ts';
import type { IdSource } from './ids.ts';
import { type ExtraHeaders, InviteClientTransaction } from './invite-client.ts';
import { InviteServerTransaction } from './invite-server.ts';
import { type LargeRequestOptions, LargeRequests } from './large-requests.ts';
import { clientKey, clientKeyOf, isRfc2543, serverKeyOf } from './matching.ts';
import { NonInviteClientTransaction } from './non-invite-client.ts';
import { NonInviteServerTransaction } from './non-invite-server.ts';
import { DEFAULT_TIMERS, type TimerValues } from './timers.ts';
import { type ClientTransaction, prepareSend, type ServerTransaction, type Transaction } from './transaction.ts';
import { pushVia, redirectTopVia, responseFlow, stampTopVia } from './via-routing.ts';

export interface TransactionLayerOptions {
  readonly ids: IdSource;
  readonly timers?: TimerValues;
  /**
   * Transactions of each side, client and server; beyond it requests get 503, ours fail. The last fifth of the server
   * side is for what ends or belongs to something: requests with a To tag, and CANCEL.
   */
  readonly maxTransactions?: number;
  /** How long an INVITE may wait for its user's answer before the 100; 0: sent by the next `handleTimeout`. */
  readonly tryingAfterMs?: number;
  /** Retry-After of the 503 when there are too many transactions. */
  readonly retryAfterSeconds?: number;
  /** Where requests go that are too large for UDP; without it, over UDP. */
  readonly largeRequests?: LargeRequestOptions;
}

/** The part of the server transactions that requests outside of dialogs may fill. */
const SHARE_OF_NEW_REQUESTS = 0.8;

/** A few milliseconds of work. */
const MAX_FIRED_AT_ONCE = 1000;

/** What was dropped or refused here; everything else is told to the user. */
export interface TransactionCounters {
  /** Responses that belong to no transaction of ours, or with more than our Via (RFC 3261 8.1.3.3). */
  strayResponses: number;
  /** Requests refused with 503, and requests of ours not sent, for want of room. */
  overload: number;
  /** Retransmissions that were absorbed. */
  retransmissions: number;
}

/**
 * All transactions of one SIP element (RFC 3261 17): matches what comes in, retransmits what goes out, times out what
 * is not answered. Sans-I/O: the transport's facts and the user's wishes go in, effects come out in the order in which
 * they are to be done.
 */
export class TransactionLayer {
  readonly counters: TransactionCounters = { strayResponses: 0, overload: 0, retransmissions: 0 };
  readonly #ids: IdSource;
  readonly #timers: TimerValues;
  readonly #maxTransactions: number;
  readonly #tryingAfterMs: number;
  readonly #retryAfterSeconds: number;
  readonly #large: LargeRequests | undefined;
  readonly #clients = new Map<TransactionKey, ClientTransaction>();
  readonly #servers = new Map<TransactionKey, ServerTransaction>();
  readonly #deadlines = new DeadlineQueue<Transaction>();
  /** Headers of CANCELs that wait for the first provisional response (RFC 3261 9.1), by INVITE. */
  readonly #heldCancels = new Map<TransactionKey, ExtraHeaders>();
  /** Transactions of our own (CANCELs, and those that answer one): the user does not hear of them. */
  readonly #silent = new Set<Transaction>();

  constructor(options: TransactionLayerOptions) {
    this.#ids = options.ids;
    this.#timers = options.timers ?? DEFAULT_TIMERS;
    this.#maxTransactions = options.maxTransactions ?? 50_000;
    this.#tryingAfterMs = options.tryingAfterMs ?? 0;
    this.#retryAfterSeconds = options.retryAfterSeconds ?? 5;
    this.#large = options.largeRequests && new LargeRequests(options.largeRequests);
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Client transactions that still wait for a final response; the others only absorb repetitions. */
  get unansweredCount(): number {
    let count = 0;
    for (const transaction of this.#clients.values()) {
      count += transaction.unanswered ? 1 : 0;
    }
    return count;
  }

  get serverCount(): number {
    return this.#servers.size;
  }

  /** A message from the network. The layer takes it over: its top Via is stamped with where it came from. */
  handleMessage(now: number, message: SipMessage, flow: Flow): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    if (message.kind === 'response') {
      this.#handleResponse(now, message, out);
    } else {
      this.#handleRequest(now, message, flow, out);
    }
    return out;
  }

  /**
   * Sends a request other than ACK and CANCEL in a client transaction of its own. Our Via is put on a copy. When there
   * is no room, the effects say `transport-error`.
   */
  request(now: number, request: SipRequest, flow: Flow): { key: TransactionKey; effects: TransactionEffect[] } {
    const sent = cloneRequest(request);
    const branch = this.#ids.branch();
    pushVia(sent.headers, flow, branch);
    const key = clientKey(sent.headers.read(via)?.parameters.get('branch') ?? '', request.method);
    if (this.#clients.size >= this.#maxTransactions) {
      this.counters.overload++;
      const reason = 'too many transactions';
      return {
        key,
        effects: [
          { kind: 'transport-error', key, reason },
          { kind: 'terminated', key },
        ],
      };
    }
    const effects: TransactionEffect[] = [];
    const transaction = this.#createClient(key, sent, flow);
    const stream = this.#large?.flowInsteadOf(now, flow, sent, transaction.sizeBytes);
    if (stream === undefined) {
      this.#startClient(now, transaction, effects);
    } else {
      redirectTopVia(sent.headers, stream);
      this.#startClient(now, this.#createClient(key, sent, stream), effects);
    }
    return { key, effects };
  }

  /**
   * Cancels an INVITE of ours (RFC 3261 9.1): at once if a provisional response has come, else as soon as one comes,
   * never after a final one. The INVITE still ends with a response (normally 487), or a timeout.
   */
  cancel(now: number, key: TransactionKey, extraHeaders: ExtraHeaders = []): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    const invite = this.#clients.get(key);
    if (invite instanceof InviteClientTransaction) {
      if (invite.cancelMustWait) {
        this.#heldCancels.set(key, extraHeaders);
      } else {
        this.#sendCancel(now, invite, extraHeaders, out);
      }
    }
    return out;
  }

  /** The user's response to a request; of an INVITE any number of 1xx, and 2xx again until the ACK. */
  respond(now: number, key: TransactionKey, response: SipResponse): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    const transaction = this.#servers.get(key);
    if (transaction !== undefined) {
      transaction.respond(now, response, out);
      this.#settle(transaction);
    }
    return out;
  }

  /**
   * The final response to a request of which nothing is to be kept, since nobody has proved who sent it: sent once,
   * and the transaction is over (the stateless UAS of RFC 3261 8.2.7 and 26.3.2.4). The request again is a new one,
   * and its ACK is told as one that belongs to no transaction. The response should have a To tag that follows from the
   * request.
   */
  refuse(key: TransactionKey, response: SipResponse): TransactionEffect[] {
    const transaction = this.#servers.get(key);
    if (transaction === undefined) {
      return [];
    }
    this.#forget(transaction);
    return [prepareSend(response, transaction.flow, undefined), { kind: 'terminated', key }];
  }

  /** No answer at all, and nothing is kept. */
  ignore(key: TransactionKey): TransactionEffect[] {
    const transaction = this.#servers.get(key);
    if (transaction === undefined) {
      return [];
    }
    this.#forget(transaction);
    return [{ kind: 'terminated', key }];
  }

  /**
   * A message that belongs to no transaction: the ACK to a 2xx. A request gets our Via unless it has one. The effect
   * may be kept and issued again as often as the message must be repeated.
   */
  send(message: SipMessage, flow: Flow): TransactionEffect[] {
    if (message.kind === 'response' || message.headers.has('Via')) {
      return [prepareSend(message, flow, undefined)];
    }
    const sent = cloneRequest(message);
    pushVia(sent.headers, flow, this.#ids.branch());
    return [prepareSend(sent, flow, undefined)];
  }

  /**
   * Something could not be sent. With the `key` of the send effect only that transaction fails; without, all on that
   * flow do, as when a connection closes. Of a request that was only too large for UDP, and of which nothing was heard,
   * the user is told nothing: it goes over UDP after all.
   */
  handleTransportError(now: number, flow: Flow, reason: string, key?: TransactionKey): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    const affected = <T extends Transaction>(table: ReadonlyMap<TransactionKey, T>): T[] => {
      const candidates = key === undefined ? [...table.values()] : [table.get(key)];
      return candidates.filter((each) => each !== undefined).filter((each) => sameFlow(each.flow, flow));
    };
    for (const client of affected(this.#clients)) {
      if (!this.#fallBack(now, client, out)) {
        this.#run(client, out, (effects) => client.handleTransportError(reason, effects));
      }
    }
    for (const server of affected(this.#servers)) {
      this.#run(server, out, (effects) => server.handleTransportError(reason, effects));
    }
    return out;
  }

  nextTimeoutAt(): number {
    return this.#deadlines.next();
  }

  /**
   * Fires what is due, the earliest first; of very many the rest stays due, so that after a stall what has come in
   * meanwhile gets its turn between.
   */
  handleTimeout(now: number): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    for (let fired = 0; fired < MAX_FIRED_AT_ONCE; fired++) {
      const transaction = this.#deadlines.due(now);
      if (transaction === undefined) {
        break;
      }
      this.#run(transaction, out, (effects) => transaction.handleTimeout(now, effects));
    }
    return out;
  }

  #handleResponse(now: number, response: SipResponse, out: TransactionEffect[]): void {
    const key = clientKeyOf(response);
    const transaction = this.#clients.get(key);
    if (transaction === undefined || response.headers.getAll('Via').length !== 1) {
      this.counters.strayResponses++;
      return;
    }
    this.#run(transaction, out, (effects) => transaction.handleResponse(now, response, effects));
    const held = this.#heldCancels.get(key);
    if (held !== undefined && transaction instanceof InviteClientTransaction && !transaction.cancelMustWait) {
      this.#heldCancels.delete(key);
      this.#sendCancel(now, transaction, held, out);
    }
  }

  #handleRequest(now: number, request: SipRequest, flow: Flow, out: TransactionEffect[]): void {
    const key = serverKeyOf(request, request.method === 'ACK' ? 'INVITE' : request.method);
    const existing = this.#servers.get(key);
    if (request.method === 'ACK') {
      stampTopVia(request.headers, flow);
      this.#handleAck(now, request, flow, existing, out);
    } else if (existing !== undefined) {
      this.counters.retransmissions++;
      existing.handleRequest(now, request, out);
    } else {
      stampTopVia(request.headers, flow);
      this.#startServer(now, key, request, flow, out);
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
    this.#settle(invite);
  }

  #startServer(now: number, key: TransactionKey, request: SipRequest, flow: Flow, out: TransactionEffect[]): void {
    const back = responseFlow(request.headers, flow);
    const begins = request.method !== 'CANCEL' && !request.headers.read(to)?.parameters.has('tag');
    if (this.#servers.size >= this.#maxTransactions * (begins ? SHARE_OF_NEW_REQUESTS : 1)) {
      this.counters.overload++;
      const headers = [['Retry-After', String(this.#retryAfterSeconds)]] as const;
      out.push(prepareSend(createResponse(request, 503, { toTag: this.#ids.tag(), headers }), back, undefined));
      return;
    }
    const invite = request.method === 'CANCEL' ? this.#servers.get(serverKeyOf(request, 'INVITE')) : undefined;
    if (request.method === 'CANCEL' && invite === undefined) {
      out.push(prepareSend(createResponse(request, 481, { toTag: this.#ids.tag() }), back, undefined));
      return;
    }
    const init = { key, request, flow: back, timers: this.#timers, now };
    const transaction =
      request.method === 'INVITE'
        ? new InviteServerTransaction({ ...init, tryingAfterMs: this.#tryingAfterMs })
        : new NonInviteServerTransaction(init);
    this.#servers.set(key, transaction);
    if (request.method === 'CANCEL') {
      this.#silent.add(transaction);
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
    cancel.respond(now, createResponse(request, 200, { toTag: found?.toTag ?? this.#ids.tag() }), out);
    if (found?.cancellable) {
      out.push({ kind: 'cancel', key: found.key, request });
    }
  }

  #createClient(key: TransactionKey, request: SipRequest, flow: Flow): ClientTransaction {
    const init = { key, request, flow, timers: this.#timers };
    return request.method === 'INVITE' ? new InviteClientTransaction(init) : new NonInviteClientTransaction(init);
  }

  #startClient(now: number, transaction: ClientTransaction, out: TransactionEffect[]): void {
    this.#clients.set(transaction.key, transaction);
    transaction.start(now, out);
    this.#settle(transaction);
  }

  /**
   * Another transaction takes the place of one that got no connection in place of UDP. The branch stays: should the
   * request have arrived before the connection broke, this one is its retransmission.
   */
  #fallBack(now: number, failed: ClientTransaction, out: TransactionEffect[]): boolean {
    const { unheard, key } = failed;
    const { insteadOf } = failed.flow;
    if (unheard === undefined || insteadOf === undefined) {
      return false;
    }
    this.#large?.handleRefusal(now, insteadOf);
    const request = cloneRequest(unheard);
    redirectTopVia(request.headers, insteadOf);
    const transaction = this.#createClient(key, request, insteadOf);
    this.#deadlines.remove(failed);
    if (this.#silent.delete(failed)) {
      this.#silent.add(transaction);
    }
    this.#startClient(now, transaction, out);
    return true;
  }

  /** A CANCEL runs in a transaction of its own with the INVITE's branch; it may exceed the cap: it ends something. */
  #sendCancel(now: number, invite: InviteClientTransaction, extra: ExtraHeaders, out: TransactionEffect[]): void {
    const cancel = invite.takeCancel(now, extra);
    if (cancel !== undefined) {
      const key = clientKey(cancel.headers.read(via)?.parameters.get('branch') ?? '', 'CANCEL');
      const transaction = this.#createClient(key, cancel, invite.flow);
      this.#silent.add(transaction);
      this.#startClient(now, transaction, out);
      this.#settle(invite);
    }
  }

  /** Lets a machine act, keeps a silent one's events from the user, and books what became of it. */
  #run(transaction: Transaction, out: TransactionEffect[], act: (effects: TransactionEffect[]) => void): void {
    if (this.#silent.has(transaction)) {
      const effects: TransactionEffect[] = [];
      act(effects);
      for (const effect of effects) {
        if (effect.kind === 'send') {
          out.push(effect);
        }
      }
    } else {
      act(out);
    }
    this.#settle(transaction);
  }

  #settle(transaction: Transaction): void {
    if (!transaction.terminated) {
      this.#deadlines.schedule(transaction, transaction.nextTimeoutAt());
      return;
    }
    this.#forget(transaction);
  }

  #forget(transaction: Transaction): void {
    this.#deadlines.remove(transaction);
    this.#silent.delete(transaction);
    for (const table of [this.#clients, this.#servers] as const) {
      if (table.get(transaction.key) === transaction) {
        table.delete(transaction.key);
      }
    }
    this.#heldCancels.delete(transaction.key);
  }
}
