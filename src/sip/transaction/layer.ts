import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts';
import { cloneRequest } from '../message/message.ts';
import { ClientSide } from './client-side.ts';
import type { TransactionEffect, TransactionKey } from './effects.ts';
import type { Flow } from './flow.ts';
import type { IdSource } from './ids.ts';
import type { ExtraHeaders } from './invite-client.ts';
import { type LargeRequestOptions, LargeRequests } from './large-requests.ts';
import { RunningTransactions, type TransactionCounters } from './running-transactions.ts';
import { ServerSide } from './server-side.ts';
import { DEFAULT_TIMERS, type TimerValues } from './timers.ts';
import { prepareSend } from './transaction.ts';
import { pushVia } from './via-routing.ts';

export interface TransactionLayerOptions {
  readonly ids: IdSource;
  readonly timers?: TimerValues;
  /**
   * Transactions of each side, client and server. Beyond it ours fail; those of others take the place of the ones that
   * were answered longest ago (no INVITE), or get 503. The last fifth of the server side is for what ends or belongs to
   * something: requests with a To tag, and CANCEL.
   */
  readonly maxTransactions?: number;
  /** How long an INVITE may wait for its user's answer before the 100; 0: sent by the next `handleTimeout`. */
  readonly tryingAfterMs?: number;
  /** Retry-After of the 503 when there are too many transactions. */
  readonly retryAfterSeconds?: number;
  /** Where requests go that are too large for UDP; without it, over UDP. */
  readonly largeRequests?: LargeRequestOptions;
}

/**
 * All transactions of one SIP element (RFC 3261 17): matches what comes in, retransmits what goes out, times out what
 * is not answered. Sans-I/O: the transport's facts and the user's wishes go in, effects come out in the order in which
 * they are to be done.
 */
export class TransactionLayer {
  readonly #ids: IdSource;
  readonly #running = new RunningTransactions();
  readonly #client: ClientSide;
  readonly #server: ServerSide;

  constructor(options: TransactionLayerOptions) {
    const {
      ids,
      timers = DEFAULT_TIMERS,
      maxTransactions = 50_000,
      tryingAfterMs = 0,
      retryAfterSeconds = 5,
    } = options;
    const large = options.largeRequests && new LargeRequests(options.largeRequests);
    const shared = { running: this.#running, ids, timers, maxTransactions };
    this.#ids = ids;
    this.#client = new ClientSide({ ...shared, large });
    this.#server = new ServerSide({ ...shared, tryingAfterMs, retryAfterSeconds });
  }

  get counters(): Readonly<TransactionCounters> {
    return this.#running.counters;
  }

  get clientCount(): number {
    return this.#running.clients.size;
  }

  /** Client transactions that still wait for a final response; the others only absorb repetitions. */
  get unansweredCount(): number {
    return this.#client.unansweredCount;
  }

  get serverCount(): number {
    return this.#running.servers.size;
  }

  /** A message from the network. The layer takes it over: its top Via is stamped with where it came from. */
  handleMessage(now: number, message: SipMessage, flow: Flow): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    if (message.kind === 'response') {
      this.#client.handleResponse(now, message, out);
    } else {
      this.#server.handleRequest(now, message, flow, out);
    }
    return out;
  }

  /**
   * Sends a request other than ACK and CANCEL in a client transaction of its own. Our Via is put on a copy. When there
   * is no room, the effects say `transport-error`.
   */
  request(now: number, request: SipRequest, flow: Flow): { key: TransactionKey; effects: TransactionEffect[] } {
    return this.#client.request(now, request, flow);
  }

  /**
   * Cancels an INVITE of ours (RFC 3261 9.1): at once if a provisional response has come, else as soon as one comes,
   * never after a final one. The INVITE still ends with a response (normally 487), or a timeout.
   */
  cancel(now: number, key: TransactionKey, extraHeaders: ExtraHeaders = []): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    this.#client.cancel(now, key, extraHeaders, out);
    return out;
  }

  /** The user's response to a request; of an INVITE any number of 1xx, and 2xx again until the ACK. */
  respond(now: number, key: TransactionKey, response: SipResponse): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    this.#server.respond(now, key, response, out);
    return out;
  }

  /**
   * The final response to a request of which nothing is to be kept, since nobody has proved who sent it: sent once,
   * and the transaction is over (the stateless UAS of RFC 3261 8.2.7 and 26.3.2.4). The request again is a new one,
   * and its ACK is told as one that belongs to no transaction. The response should have a To tag that follows from the
   * request.
   */
  refuse(key: TransactionKey, response: SipResponse): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    this.#server.refuse(key, response, out);
    return out;
  }

  /** No answer at all, and nothing is kept. */
  ignore(key: TransactionKey): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    this.#server.ignore(key, out);
    return out;
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
    this.#client.handleTransportError(now, flow, reason, key, out);
    this.#server.handleTransportError(flow, reason, key, out);
    return out;
  }

  nextTimeoutAt(): number {
    return this.#running.nextTimeoutAt();
  }

  handleTimeout(now: number): TransactionEffect[] {
    const out: TransactionEffect[] = [];
    this.#running.handleTimeout(now, out);
    this.#server.dropEnded();
    return out;
  }
}
