import { DeadlineQueue } from '../../wire/deadline-queue.ts';
import type { TransactionEffect, TransactionKey } from './effects.ts';
import { type Flow, sameFlow } from './flow.ts';
import type { ClientTransaction, ServerTransaction, Transaction } from './transaction.ts';

/** A few milliseconds of work. */
const MAX_FIRED_AT_ONCE = 1000;

/** What was dropped or refused; everything else is told to the user. */
export interface TransactionCounters {
  /** Responses that belong to no transaction of ours, or with more than our Via (RFC 3261 8.1.3.3). */
  strayResponses: number;
  /** Requests refused with 503, and requests of ours not sent, for want of room. */
  overload: number;
  /** Retransmissions that were absorbed. */
  retransmissions: number;
}

/** The transactions of both sides with their deadlines. */
export class RunningTransactions {
  readonly counters: TransactionCounters = { strayResponses: 0, overload: 0, retransmissions: 0 };
  readonly clients = new Map<TransactionKey, ClientTransaction>();
  readonly servers = new Map<TransactionKey, ServerTransaction>();
  readonly #deadlines = new DeadlineQueue<Transaction>();
  /** Transactions of our own (CANCELs, and those that answer one): the user does not hear of them. */
  readonly #silent = new WeakSet<Transaction>();

  nextTimeoutAt(): number {
    return this.#deadlines.next();
  }

  /**
   * Fires what is due, the earliest first; of very many the rest stays due, so that after a stall what has come in
   * meanwhile gets its turn between.
   */
  handleTimeout(now: number, out: TransactionEffect[]): void {
    for (let fired = 0; fired < MAX_FIRED_AT_ONCE; fired++) {
      const transaction = this.#deadlines.due(now);
      if (transaction === undefined) {
        break;
      }
      this.run(transaction, out, (effects) => transaction.handleTimeout(now, effects));
    }
  }

  /** The user is told nothing of it. */
  silence(transaction: Transaction): void {
    this.#silent.add(transaction);
  }

  isSilent(transaction: Transaction): boolean {
    return this.#silent.has(transaction);
  }

  /** Lets a machine act, keeps a silent one's events from the user, and books what became of it. */
  run(transaction: Transaction, out: TransactionEffect[], act: (effects: TransactionEffect[]) => void): void {
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
    this.settle(transaction);
  }

  /** To be called whenever a machine has acted. */
  settle(transaction: Transaction): void {
    if (transaction.terminated) {
      this.forget(transaction);
    } else {
      this.#deadlines.schedule(transaction, transaction.nextTimeoutAt());
    }
  }

  /** It is over here, whatever its own state. */
  forget(transaction: Transaction): void {
    this.#deadlines.remove(transaction);
    for (const table of [this.clients, this.servers] as const) {
      if (table.get(transaction.key) === transaction) {
        table.delete(transaction.key);
      }
    }
  }
}

/** The transaction with that key if it is on that flow; without a key all that are. */
export function onFlow<T extends Transaction>(
  table: ReadonlyMap<TransactionKey, T>,
  flow: Flow,
  key: TransactionKey | undefined,
): T[] {
  const candidates = key === undefined ? [...table.values()] : [table.get(key)];
  return candidates.filter((each) => each !== undefined).filter((each) => sameFlow(each.flow, flow));
}
