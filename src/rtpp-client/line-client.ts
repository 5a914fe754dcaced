/**
 * The client's side of RTPP over `cunix:` and `tcp:`: one connection, a line a command, replies in the same order. There
 * are no cookies: what was not answered when the connection ended is sent once more on the next one, which no command
 * suffers from (`U` and `L` tell the same port again, a second `D` gets E50).
 *
 * ```
 *  idle ──request──► open ──── n requests await their lines in order
 *   ▲                 │ ended, with something unanswered ─► open (again, once a request)
 *   └── ended ────────┤ refused ───────────────────────────► all settled: refused
 *                     └ a budget is over ──────────────────► all settled: timeout
 * ```
 */
import { parseReply } from '../rtpp/reply.ts';
import { DeadlineQueue } from '../wire/deadline-queue.ts';
import { Intake, type Requested, type RequestId } from './intake.ts';
import type { RtppOutcome } from './outcome.ts';
import type { RetryPolicy, RtppClientOptions } from './policy.ts';
import {
  type ConnectionEnd,
  type ConnectionId,
  MAX_ANSWER_BYTES,
  MAX_STRAY_CHARACTERS,
  type StreamClientEffect,
} from './stream-effects.ts';

/** Connections that a command may be sent on. */
const MAX_SENDS = 2;

interface Awaited {
  readonly id: RequestId;
  readonly bytes: Uint8Array;
  /** Lines of the reply, unless it is an error. */
  readonly lines: number;
  sends: number;
}

export class LineClientEngine {
  readonly #intake: Intake;
  /** On the connection, in the order in which the replies will come. */
  #awaited: Awaited[] = [];
  readonly #deadlines = new DeadlineQueue<RequestId>();
  #connection: ConnectionId | undefined;
  /** Lines of the first reply that is not complete, and the beginning of the next line. */
  #lines: string[] = [];
  #rest = '';
  #lastConnection: ConnectionId = 0;

  constructor(options: RtppClientOptions) {
    this.#intake = new Intake(options);
  }

  get inFlight(): number {
    return this.#awaited.length;
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
      ({ id, bytes, policy }) => {
        this.#awaited.push({ id, bytes, lines: replyLines(command), sends: 1 });
        this.#deadlines.schedule(id, now + policy.budgetMs);
        return this.#connection === undefined
          ? [this.#connect(bytes)]
          : [{ kind: 'write', connection: this.#connection, bytes }];
      },
    );
  }

  /** Bytes of the connection, read as latin1. */
  handleBytes(_now: number, connection: ConnectionId, text: string): StreamClientEffect[] {
    if (connection !== this.#connection) {
      return [];
    }
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const effects: StreamClientEffect[] = [];
    for (const line of lines) {
      const [first] = this.#awaited;
      if (first === undefined) {
        return [...effects, { kind: 'stray', text: line.slice(0, MAX_STRAY_CHARACTERS) }, ...this.#drop()];
      }
      this.#lines.push(line);
      if (this.#lines.length >= first.lines || isError(this.#lines)) {
        const reply = parseReply(this.#lines.join('\n'));
        this.#lines = [];
        this.#awaited.shift();
        effects.push(
          this.#settle(
            first,
            reply.ok ? { kind: 'reply', reply: reply.value } : { kind: 'rejected', reason: 'malformed-reply' },
          ),
        );
      }
    }
    if (this.#rest.length > MAX_ANSWER_BYTES) {
      effects.push(...this.#drop(), ...this.#settleAll({ kind: 'rejected', reason: 'malformed-reply' }));
    }
    return effects;
  }

  handleEnd(_now: number, connection: ConnectionId, end: ConnectionEnd): StreamClientEffect[] {
    if (connection !== this.#connection) {
      return [];
    }
    this.#forget();
    if (end === 'refused') {
      return this.#settleAll({ kind: 'refused' });
    }
    const spent = this.#awaited.filter(({ sends }) => sends >= MAX_SENDS);
    const effects = spent.map((awaited) => this.#settle(awaited, { kind: 'disconnected' }));
    this.#awaited = this.#awaited.filter(({ sends }) => sends < MAX_SENDS);
    for (const awaited of this.#awaited) {
      awaited.sends += 1;
    }
    return this.#awaited.length === 0
      ? effects
      : [...effects, this.#connect(joined(this.#awaited.map(({ bytes }) => bytes)))];
  }

  /** What stands behind a command without an answer would wait as long: the relay does not work. */
  handleTimeout(now: number): StreamClientEffect[] {
    return this.#deadlines.due(now) === undefined ? [] : [...this.#drop(), ...this.#settleAll({ kind: 'timeout' })];
  }

  /** Settles everything; later requests are settled at once. */
  close(): StreamClientEffect[] {
    this.#intake.close();
    return [...this.#drop(), ...this.#settleAll({ kind: 'closed' })];
  }

  #connect(bytes: Uint8Array): StreamClientEffect {
    this.#connection = ++this.#lastConnection;
    return { kind: 'connect', connection: this.#connection, bytes };
  }

  #drop(): StreamClientEffect[] {
    const connection = this.#connection;
    this.#forget();
    return connection === undefined ? [] : [{ kind: 'disconnect', connection }];
  }

  #forget(): void {
    this.#connection = undefined;
    this.#lines = [];
    this.#rest = '';
  }

  #settleAll(outcome: RtppOutcome): StreamClientEffect[] {
    return this.#awaited.splice(0).map((awaited) => this.#settle(awaited, outcome));
  }

  #settle({ id }: Awaited, outcome: RtppOutcome): StreamClientEffect {
    this.#deadlines.remove(id);
    return { kind: 'settled', id, outcome };
  }
}

/** `I` alone has several: five, and one more with `l`. */
function replyLines(command: string): number {
  const [, modifiers] = /^i(\S*)/i.exec(command) ?? [];
  return modifiers === undefined ? 1 : /l/i.test(modifiers) ? 6 : 5;
}

function isError(lines: readonly string[]): boolean {
  return lines.length === 1 && /^E[0-9]+\s*$/.test(lines[0] ?? '');
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
