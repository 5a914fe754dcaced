import { via } from '../message/headers/via.ts';
import { cloneRequest, type SipRequest, type SipResponse } from '../message/message.ts';
import type { TransactionEffect, TransactionKey } from './effects.ts';
import type { Flow } from './flow.ts';
import type { IdSource } from './ids.ts';
import { type ExtraHeaders, InviteClientTransaction } from './invite-client.ts';
import type { LargeRequests } from './large-requests.ts';
import { clientKey, clientKeyOf } from './matching.ts';
import { NonInviteClientTransaction } from './non-invite-client.ts';
import { onFlow, type RunningTransactions } from './running-transactions.ts';
import type { TimerValues } from './timers.ts';
import type { ClientTransaction } from './transaction.ts';
import { pushVia, redirectTopVia } from './via-routing.ts';

export interface ClientSideOptions {
  readonly running: RunningTransactions;
  readonly ids: IdSource;
  readonly timers: TimerValues;
  readonly maxTransactions: number;
  readonly large: LargeRequests | undefined;
}

/** Requests of ours (RFC 3261 17.1): sent, repeated, cancelled, and matched with their responses. */
export class ClientSide {
  readonly #running: RunningTransactions;
  readonly #options: ClientSideOptions;
  /** Headers of CANCELs that wait for the first provisional response (RFC 3261 9.1), by INVITE. */
  readonly #heldCancels = new WeakMap<ClientTransaction, ExtraHeaders>();

  constructor(options: ClientSideOptions) {
    this.#options = options;
    this.#running = options.running;
  }

  get unansweredCount(): number {
    let count = 0;
    for (const transaction of this.#running.clients.values()) {
      count += transaction.unanswered ? 1 : 0;
    }
    return count;
  }

  /** See `TransactionLayer.request`. */
  request(now: number, request: SipRequest, flow: Flow): { key: TransactionKey; effects: TransactionEffect[] } {
    const { ids, large, maxTransactions } = this.#options;
    const sent = cloneRequest(request);
    pushVia(sent.headers, flow, ids.branch());
    const key = clientKey(branchOf(sent), request.method);
    if (this.#running.clients.size >= maxTransactions) {
      this.#running.counters.overload++;
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
    const transaction = this.#create(key, sent, flow);
    const stream = large?.flowInsteadOf(now, flow, sent, transaction.sizeBytes);
    if (stream === undefined) {
      this.#start(now, transaction, effects);
    } else {
      redirectTopVia(sent.headers, stream);
      this.#start(now, this.#create(key, sent, stream), effects);
    }
    return { key, effects };
  }

  /** See `TransactionLayer.cancel`. */
  cancel(now: number, key: TransactionKey, extraHeaders: ExtraHeaders, out: TransactionEffect[]): void {
    const invite = this.#running.clients.get(key);
    if (invite instanceof InviteClientTransaction) {
      if (invite.cancelMustWait) {
        this.#heldCancels.set(invite, extraHeaders);
      } else {
        this.#sendCancel(now, invite, extraHeaders, out);
      }
    }
  }

  handleResponse(now: number, response: SipResponse, out: TransactionEffect[]): void {
    const transaction = this.#running.clients.get(clientKeyOf(response));
    if (transaction === undefined || response.headers.getAll('Via').length !== 1) {
      this.#running.counters.strayResponses++;
      return;
    }
    this.#running.run(transaction, out, (effects) => transaction.handleResponse(now, response, effects));
    const held = this.#heldCancels.get(transaction);
    if (held !== undefined && transaction instanceof InviteClientTransaction && !transaction.cancelMustWait) {
      this.#heldCancels.delete(transaction);
      this.#sendCancel(now, transaction, held, out);
    }
  }

  handleTransportError(
    now: number,
    flow: Flow,
    reason: string,
    key: TransactionKey | undefined,
    out: TransactionEffect[],
  ) {
    for (const client of onFlow(this.#running.clients, flow, key)) {
      if (!this.#fallBack(now, client, out)) {
        this.#running.run(client, out, (effects) => client.handleTransportError(reason, effects));
      }
    }
  }

  #create(key: TransactionKey, request: SipRequest, flow: Flow): ClientTransaction {
    const init = { key, request, flow, timers: this.#options.timers };
    return request.method === 'INVITE' ? new InviteClientTransaction(init) : new NonInviteClientTransaction(init);
  }

  #start(now: number, transaction: ClientTransaction, out: TransactionEffect[]): void {
    this.#running.clients.set(transaction.key, transaction);
    transaction.start(now, out);
    this.#running.settle(transaction);
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
    this.#options.large?.handleRefusal(now, insteadOf);
    const request = cloneRequest(unheard);
    redirectTopVia(request.headers, insteadOf);
    const transaction = this.#create(key, request, insteadOf);
    this.#running.forget(failed);
    if (this.#running.isSilent(failed)) {
      this.#running.silence(transaction);
    }
    const held = this.#heldCancels.get(failed);
    if (held !== undefined) {
      this.#heldCancels.set(transaction, held);
    }
    this.#start(now, transaction, out);
    return true;
  }

  /** A CANCEL runs in a transaction of its own with the INVITE's branch; it may exceed the cap: it ends something. */
  #sendCancel(now: number, invite: InviteClientTransaction, extra: ExtraHeaders, out: TransactionEffect[]): void {
    const cancel = invite.takeCancel(now, extra);
    if (cancel !== undefined) {
      const transaction = this.#create(clientKey(branchOf(cancel), 'CANCEL'), cancel, invite.flow);
      this.#running.silence(transaction);
      this.#start(now, transaction, out);
      this.#running.settle(invite);
    }
  }
}

function branchOf(request: SipRequest): string {
  return request.headers.read(via)?.parameters.get('branch') ?? '';
}
