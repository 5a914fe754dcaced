/**
 * The client's side of RTPP over UDP: each command goes out under a cookie of its own and is repeated, byte for
 * byte, until a datagram with that cookie comes back (the relay answers a repetition from its cache and executes
 * nothing twice).
 *
 * ```
 * request ──► in flight ──► settled: reply | timeout | refused | closed | rejected
 *              │     ▲
 *              └─────┘ same datagram after 300, 600, 1200 ms … (policy)
 * ```
 */
import { parseReply, type RtppReply } from '../rtpp/reply.ts';
import { splitCookie } from '../rtpp/words.ts';
import { DeadlineQueue } from '../wire/deadline-queue.ts';
import { Intake, type Requested, type RequestId, type Settled } from './intake.ts';
import type { RtppOutcome } from './outcome.ts';
import type { RetryPolicy, RtppClientOptions } from './policy.ts';

export type RtppClientEffect =
  | { readonly kind: 'send'; readonly datagram: Uint8Array }
  | Settled
  /** A datagram from the relay's port under a cookie that this client never made: another protocol lives there. */
  | { readonly kind: 'stray'; readonly text: string };

interface InFlight {
  readonly datagram: Uint8Array;
  readonly policy: RetryPolicy;
  readonly giveUpAt: number;
  /** Wait before the next repetition. */
  waitMs: number;
}

export class RtppClientEngine {
  readonly #cookiePrefix: string;
  readonly #intake: Intake;
  readonly #inFlight = new Map<RequestId, InFlight>();
  readonly #deadlines = new DeadlineQueue<RequestId>();

  /**
   * `cookiePrefix`: random, unique among all clients of all hosts that share the relay, for cookies are the only
   * key of its reply cache. Letters and digits; also tells our own late replies from strangers' datagrams.
   */
  constructor(cookiePrefix: string, options: RtppClientOptions) {
    this.#cookiePrefix = cookiePrefix;
    this.#intake = new Intake(options);
  }

  /** Requests without an outcome. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  nextTimeoutAt(): number {
    return this.#deadlines.next();
  }

  /** Sends one command (without cookie and LF). The outcome is among the effects of this or of a later call. */
  request(now: number, command: string, retry: Partial<RetryPolicy> = {}): Requested<RtppClientEffect> {
    const frame = (id: RequestId): string => `${this.#cookieOf(id)} ${command}`;
    return this.#intake.take(this.#inFlight.size, frame, retry, ({ id, bytes: datagram, policy }) => {
      this.#inFlight.set(id, { datagram, policy, giveUpAt: now + policy.budgetMs, waitMs: policy.firstMs });
      this.#deadlines.schedule(id, now + Math.min(policy.firstMs, policy.budgetMs));
      return [{ kind: 'send', datagram }];
    });
  }

  /** One datagram from the relay's address, read as latin1. Replies to requests settled before are dropped. */
  handleDatagram(_now: number, text: string): RtppClientEffect[] {
    const split = splitCookie(text);
    if (split === undefined || !split.cookie.startsWith(this.#cookiePrefix)) {
      return [{ kind: 'stray', text: text.slice(0, MAX_STRAY_CHARACTERS) }];
    }
    const id = Number.parseInt(split.cookie.slice(this.#cookiePrefix.length), 36);
    if (!this.#inFlight.has(id) || split.cookie !== this.#cookieOf(id)) {
      return [];
    }
    const reply = parseReply(split.command.replace(/^[ \t]+/, ''));
    return [this.#settle(id, reply.ok ? replied(reply.value) : { kind: 'rejected', reason: 'malformed-reply' })];
  }

  /** Nobody listens on the relay's port: whatever waits there waits in vain. */
  handleRefused(_now: number): RtppClientEffect[] {
    return this.#settleAll({ kind: 'refused' });
  }

  handleTimeout(now: number): RtppClientEffect[] {
    const effects: RtppClientEffect[] = [];
    for (let id = this.#deadlines.due(now); id !== undefined; id = this.#deadlines.due(now)) {
      const request = this.#inFlight.get(id);
      if (request === undefined) {
        this.#deadlines.remove(id);
        continue;
      }
      if (now >= request.giveUpAt) {
        effects.push(this.#settle(id, { kind: 'timeout' }));
        continue;
      }
      request.waitMs *= request.policy.factor;
      // Counted from now, not from the instant missed: after a stall the relay gets time to answer.
      this.#deadlines.schedule(id, Math.min(now + request.waitMs, request.giveUpAt));
      effects.push({ kind: 'send', datagram: request.datagram });
    }
    return effects;
  }

  /** Settles everything; later requests are settled at once. */
  close(): RtppClientEffect[] {
    this.#intake.close();
    return this.#settleAll({ kind: 'closed' });
  }

  #cookieOf(id: RequestId): string {
    return this.#cookiePrefix + id.toString(36);
  }

  #settle(id: RequestId, outcome: RtppOutcome): RtppClientEffect {
    this.#inFlight.delete(id);
    this.#deadlines.remove(id);
    return { kind: 'settled', id, outcome };
  }

  #settleAll(outcome: RtppOutcome): RtppClientEffect[] {
    return [...this.#inFlight.keys()].map((id) => this.#settle(id, outcome));
  }
}

/** Enough of a stranger's datagram to recognise it in a log. */
const MAX_STRAY_CHARACTERS = 120;

function replied(reply: RtppReply): RtppOutcome {
  return { kind: 'reply', reply };
}
