/**
 * The client's side of RTPP over `unix:` sockets: a connection a command, and the reply is what comes before its end.
 *
 * ```
 * request ─► waiting ─► connected ──bytes, end──► settled: reply
 *              ▲ │          │
 *              │ └ at most 16 at once     refused ─────────────► settled: refused
 *              └── again, later ◄──────── ended without a byte
 * ```
 */
import { parseReply } from '../rtpp/reply.ts';
import { DeadlineQueue } from '../wire/deadline-queue.ts';
import { Intake, type Requested, type RequestId } from './intake.ts';
import type { RtppOutcome } from './outcome.ts';
import type { RetryPolicy, RtppClientOptions } from './policy.ts';
import { type ConnectionEnd, type ConnectionId, MAX_ANSWER_BYTES, type StreamClientEffect } from './stream-effects.ts';

/** rtpproxy lets 32 connections wait and serves 100; others want to come through, too. */
const MAX_CONNECTIONS = 16;

interface Pending {
  readonly id: RequestId;
  readonly bytes: Uint8Array;
  readonly policy: RetryPolicy;
  readonly giveUpAt: number;
  /** Wait before the next connection when this one brings nothing. */
  waitMs: number;
  /** A connection ended without an answer: that, and not silence, is what became of the command. */
  wasCutOff: boolean;
  connection: ConnectionId | undefined;
  answer: string;
}

export class OneShotClientEngine {
  readonly #intake: Intake;
  readonly #pending = new Map<RequestId, Pending>();
  readonly #connections = new Map<ConnectionId, Pending>();
  /** Ready to be sent, in the order in which they came. */
  readonly #waiting = new Set<Pending>();
  readonly #deadlines = new DeadlineQueue<Pending>();
  #lastConnection: ConnectionId = 0;

  constructor(options: RtppClientOptions) {
    this.#intake = new Intake(options);
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  nextTimeoutAt(): number {
    return this.#deadlines.next();
  }

  /** Sends one command (without LF). The outcome is among the effects of this or of a later call. */
  request(now: number, command: string, retry: Partial<RetryPolicy> = {}): Requested<StreamClientEffect> {
    return this.#intake.take(
      this.inFlight,
      () => `${command}\n`,
      retry,
      (accepted) => {
        const { id, policy } = accepted;
        const pending: Pending = {
          ...accepted,
          giveUpAt: now + policy.budgetMs,
          waitMs: policy.firstMs,
          wasCutOff: false,
          connection: undefined,
          answer: '',
        };
        this.#pending.set(id, pending);
        this.#waiting.add(pending);
        this.#deadlines.schedule(pending, pending.giveUpAt);
        return this.#connect();
      },
    );
  }

  /** Bytes of one connection, read as latin1. */
  handleBytes(_now: number, connection: ConnectionId, text: string): StreamClientEffect[] {
    const pending = this.#connections.get(connection);
    if (pending === undefined) {
      return [];
    }
    pending.answer += text;
    return pending.answer.length <= MAX_ANSWER_BYTES
      ? []
      : [...this.#settle(pending, { kind: 'rejected', reason: 'malformed-reply' }), ...this.#connect()];
  }

  handleEnd(now: number, connection: ConnectionId, end: ConnectionEnd): StreamClientEffect[] {
    const pending = this.#connections.get(connection);
    this.#connections.delete(connection);
    if (pending === undefined) {
      return this.#connect();
    }
    pending.connection = undefined;
    if (pending.answer !== '') {
      const reply = parseReply(pending.answer);
      const outcome: RtppOutcome = reply.ok
        ? { kind: 'reply', reply: reply.value }
        : { kind: 'rejected', reason: 'malformed-reply' };
      return [...this.#settle(pending, outcome), ...this.#connect()];
    }
    if (end === 'refused') {
      return [...this.#settle(pending, { kind: 'refused' }), ...this.#connect()];
    }
    // A relay with too many connections closes the next one, and its backlog may be full for a moment.
    pending.wasCutOff = true;
    this.#deadlines.schedule(pending, Math.min(now + pending.waitMs, pending.giveUpAt));
    pending.waitMs *= pending.policy.factor;
    return this.#connect();
  }

  handleTimeout(now: number): StreamClientEffect[] {
    const effects: StreamClientEffect[] = [];
    for (let pending = this.#deadlines.due(now); pending !== undefined; pending = this.#deadlines.due(now)) {
      if (now >= pending.giveUpAt) {
        effects.push(...this.#settle(pending, { kind: pending.wasCutOff ? 'disconnected' : 'timeout' }));
      } else {
        this.#waiting.add(pending);
        this.#deadlines.schedule(pending, pending.giveUpAt);
      }
    }
    return [...effects, ...this.#connect()];
  }

  /** Settles everything; later requests are settled at once. */
  close(): StreamClientEffect[] {
    this.#intake.close();
    return [...this.#pending.values()].flatMap((pending) => this.#settle(pending, { kind: 'closed' }));
  }

  #connect(): StreamClientEffect[] {
    const effects: StreamClientEffect[] = [];
    for (const pending of this.#waiting) {
      if (this.#connections.size >= MAX_CONNECTIONS) {
        break;
      }
      const connection = ++this.#lastConnection;
      this.#waiting.delete(pending);
      this.#connections.set(connection, pending);
      pending.connection = connection;
      pending.wasCutOff = false;
      effects.push({ kind: 'connect', connection, bytes: pending.bytes });
    }
    return effects;
  }

  #settle(pending: Pending, outcome: RtppOutcome): StreamClientEffect[] {
    const { id, connection } = pending;
    this.#pending.delete(id);
    this.#waiting.delete(pending);
    this.#deadlines.remove(pending);
    if (connection === undefined) {
      return [{ kind: 'settled', id, outcome }];
    }
    this.#connections.delete(connection);
    return [
      { kind: 'disconnect', connection },
      { kind: 'settled', id, outcome },
    ];
  }
}
