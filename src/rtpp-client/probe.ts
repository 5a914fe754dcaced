/**
 * Who listens on a control port? Asked before a relay is started beside it or taken over.
 *
 * ```
 *            refused ─────────────────────────────► absent
 * asking ────garbage, or a text under our cookie ─► foreign
 *   │        3 × 500 ms without an answer ────────► silent; foreign, if only others' cookies came
 *   └─ version or E-code ─► listing (one VF a capability) ─► rtpproxy
 * ```
 */
import { CAPABILITIES } from '../rtpp/capabilities.ts';
import { parseReply } from '../rtpp/reply.ts';
import { formatCommand } from '../rtpp/request.ts';
import { splitCookie } from '../rtpp/words.ts';
import type { RtppOutcome } from './outcome.ts';
import type { RetryPolicy } from './policy.ts';

export type ProbeVerdict =
  /** Nobody has the port. */
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'rtpproxy';
      /** The answer to `V`, for example `20040107`; undefined when it was an error, as of a relay that is draining. */
      readonly version: string | undefined;
      /** The E-code in place of a version. */
      readonly ecode: number | undefined;
      /** Dates that `VF` affirmed, in the order of the table. */
      readonly capabilities: readonly string[];
    }
  /** Somebody answers in another protocol; `answer` is its beginning. */
  | { readonly kind: 'foreign'; readonly answer: string }
  /** The port is held and nothing answers; also when the client was closed meanwhile. */
  | { readonly kind: 'silent' };

export type ProbeEffect =
  | { readonly kind: 'ask'; readonly command: string; readonly retry: Partial<RetryPolicy> }
  | { readonly kind: 'verdict'; readonly verdict: ProbeVerdict };

/** Three tries, 500 ms each. */
export const PROBE_RETRY = { firstMs: 500, factor: 1, budgetMs: 1500 } as const satisfies RetryPolicy;

const VERSION = formatCommand({ kind: 'version' });

/** Stands above a client engine: the driver sends what it asks and brings each outcome back under the command's text. */
export class RelayProbe {
  #phase: 'asking' | 'listing' | 'done' = 'asking';
  /** A reply under a cookie that is not ours, as a relay sends that still answers who had our port before. */
  #misdirected: string | undefined;
  #version: string | undefined;
  #ecode: number | undefined;
  /** `VF` commands without an outcome, with their dates. */
  readonly #unanswered = new Map<string, string>();
  readonly #affirmed = new Set<string>();

  start(): ProbeEffect[] {
    return [{ kind: 'ask', command: VERSION, retry: PROBE_RETRY }];
  }

  handleOutcome(command: string, outcome: RtppOutcome): ProbeEffect[] {
    if (this.#phase === 'asking' && command === VERSION) {
      return this.#handleVersion(outcome);
    }
    const date = this.#unanswered.get(command);
    if (this.#phase !== 'listing' || date === undefined) {
      return [];
    }
    this.#unanswered.delete(command);
    if (outcome.kind === 'reply' && outcome.reply.kind === 'number' && outcome.reply.value === 1) {
      this.#affirmed.add(date);
    }
    return this.#unanswered.size === 0 ? this.#found() : [];
  }

  /** A datagram that answers none of our commands. Once a relay has spoken it changes nothing. */
  handleStray(text: string): ProbeEffect[] {
    if (this.#phase !== 'asking') {
      return [];
    }
    if (isReplyToVersion(text)) {
      this.#misdirected ??= text;
      return [];
    }
    return this.#verdict({ kind: 'foreign', answer: text });
  }

  #handleVersion(outcome: RtppOutcome): ProbeEffect[] {
    switch (outcome.kind) {
      case 'refused':
        return this.#verdict({ kind: 'absent' });
      case 'reply':
        break;
      case 'rejected':
        return this.#verdict({ kind: 'foreign', answer: outcome.reason });
      default:
        return this.#verdict(
          this.#misdirected === undefined ? { kind: 'silent' } : { kind: 'foreign', answer: this.#misdirected },
        );
    }
    const { reply } = outcome;
    if (reply.kind === 'text') {
      // An echo service gives the cookie back, too.
      return this.#verdict({ kind: 'foreign', answer: reply.text });
    }
    if (reply.kind === 'error') {
      this.#ecode = reply.code;
      return this.#found();
    }
    if (reply.address !== undefined) {
      // The greeting of a mail server, say.
      return this.#verdict({ kind: 'foreign', answer: `${reply.value} ${reply.address}` });
    }
    this.#version = `${reply.value}`;
    this.#phase = 'listing';
    return CAPABILITIES.map(({ date }) => {
      const command = formatCommand({ kind: 'capability', date });
      this.#unanswered.set(command, date);
      return { kind: 'ask', command, retry: PROBE_RETRY };
    });
  }

  #found(): ProbeEffect[] {
    return this.#verdict({
      kind: 'rtpproxy',
      version: this.#version,
      ecode: this.#ecode,
      capabilities: CAPABILITIES.map(({ date }) => date).filter((date) => this.#affirmed.has(date)),
    });
  }

  #verdict(verdict: ProbeVerdict): ProbeEffect[] {
    this.#phase = 'done';
    return [{ kind: 'verdict', verdict }];
  }
}

/** Whatever its cookie: a version, or an E-code. */
function isReplyToVersion(text: string): boolean {
  const reply = parseReply(splitCookie(text)?.command ?? '');
  return reply.ok && (reply.value.kind === 'error' || (reply.value.kind === 'number' && !reply.value.address));
}
