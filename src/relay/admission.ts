import {
  type ImsDialectMode,
  type ImsRequest,
  looksAlike,
  parseImsDatagram,
  parseImsLine,
} from '../rtpp/ims-dialect.ts';
import { MAX_COMMAND_BYTES, splitCookie } from '../rtpp/words.ts';
import type { ControlOrigin } from './effects.ts';
import { LogLimit } from './log-limit.ts';
import { ReplyCache } from './reply-cache.ts';
import type { RelayState } from './state.ts';

/** A longer cookie leaves no room for a reply; such a datagram is dropped. */
const MAX_COOKIE_BYTES = 1010;

/** One line in as many milliseconds says that somebody speaks the dialect to a relay that does not. */
const DIALECT_LOG_EVERY_MS = 60_000;

const DIALECT_SENTENCE =
  'a command in the dialect of the Python IMS got the standard answer: --ims-dialect=auto makes the relay understand it';

/** Senders remembered as standard clients with a cookie that looks like the dialect. */
const MAX_STANDARD_SOURCES = 1024;

/** A command that is to be executed. */
export interface Job<Origin> {
  readonly origin: Origin;
  /** Empty for streams and the dialect. */
  readonly cookie: string;
  readonly work:
    | { readonly kind: 'standard'; readonly text: string }
    | { readonly kind: 'ims'; readonly request: ImsRequest };
}

export type Admitted<Origin> =
  | { readonly kind: 'job'; readonly job: Job<Origin> }
  /** A retransmission: this was the reply. */
  | { readonly kind: 'again'; readonly text: string }
  /** A retransmission of a command that has no reply yet, or nothing that could be answered. */
  | { readonly kind: 'nothing' };

/** Decides what a datagram or a line is: a command of which dialect, or one that was answered already. */
export class Admission<Origin extends ControlOrigin> {
  readonly #state: RelayState;
  readonly #dialect: ImsDialectMode;
  readonly #cache = new ReplyCache();
  readonly #standardSources = new Set<string>();
  readonly #cookieLog = new LogLimit();
  readonly #dialectLog = new LogLimit(1, DIALECT_LOG_EVERY_MS);

  constructor(state: RelayState, dialect: ImsDialectMode) {
    this.#state = state;
    this.#dialect = dialect;
  }

  /** Whether there are replies that `expire` will forget. */
  get remembers(): boolean {
    return this.#cache.size > 0;
  }

  expire(now: number): void {
    this.#cache.expire(now);
  }

  admit(now: number, origin: Origin, text: string): Admitted<Origin> {
    return origin.kind === 'datagram' ? this.#admitDatagram(now, origin, text) : this.#admitLine(now, origin, text);
  }

  /** The whole reply to a job, for those who ask again. */
  answered({ origin, cookie }: Job<Origin>, reply: string): void {
    if (cookie !== '') {
      this.#cache.finish(origin.host, cookie, reply);
    }
  }

  #admitDatagram(now: number, origin: Origin, datagram: string): Admitted<Origin> {
    const text = datagram.slice(0, MAX_COMMAND_BYTES);
    const isDialect = (mode: ImsDialectMode): ImsRequest | undefined =>
      parseImsDatagram(text, mode, this.#standardSources.has(origin.source));
    const request = isDialect(this.#dialect);
    if (request !== undefined) {
      return { kind: 'job', job: { origin, cookie: '', work: { kind: 'ims', request } } };
    }
    if (this.#dialect === 'off' && isDialect('auto') !== undefined) {
      this.#explainDialect(now, origin);
    } else {
      this.#noteStandardSource(origin, text);
    }
    const split = splitCookie(text);
    if (split === undefined) {
      return { kind: 'job', job: { origin, cookie: '', work: { kind: 'standard', text } } };
    }
    const { cookie, command } = split;
    if (cookie.length > MAX_COOKIE_BYTES) {
      const suppressed = this.#cookieLog.allow(now);
      if (suppressed !== undefined) {
        this.#state.log.warn({ remote: origin.source, count: suppressed }, 'command dropped: its cookie is too long');
      }
      return { kind: 'nothing' };
    }
    const answer = this.#cache.begin(now, origin.host, cookie);
    if (answer.kind === 'new') {
      return { kind: 'job', job: { origin, cookie, work: { kind: 'standard', text: command } } };
    }
    this.#state.statistics.add('ncmds_rcvd_ndups');
    return answer.kind === 'reply' ? { kind: 'again', text: answer.text } : { kind: 'nothing' };
  }

  #admitLine(now: number, origin: Origin, text: string): Admitted<Origin> {
    if (this.#dialect === 'off' && parseImsLine(text, 'auto') !== undefined) {
      this.#explainDialect(now, origin);
    }
    const request = parseImsLine(text, this.#dialect);
    const work = request === undefined ? ({ kind: 'standard', text } as const) : ({ kind: 'ims', request } as const);
    return { kind: 'job', job: { origin, cookie: '', work } };
  }

  /** The sender gets the standard answer; whoever runs the relay is told what is wrong. */
  #explainDialect(now: number, { source }: Origin): void {
    const count = this.#dialectLog.allow(now);
    if (count !== undefined) {
      this.#state.log.warn({ remote: source, count }, DIALECT_SENTENCE);
    }
  }

  #noteStandardSource(origin: Origin, text: string): void {
    if (this.#dialect !== 'only' && looksAlike(text)) {
      this.#standardSources.add(origin.source);
      for (const oldest of this.#standardSources) {
        if (this.#standardSources.size <= MAX_STANDARD_SOURCES) {
          break;
        }
        this.#standardSources.delete(oldest);
      }
    }
  }
}
