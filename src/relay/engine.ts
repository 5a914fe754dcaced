import { parseCommandLine } from '../rtpp/command-line.ts';
import {
  type ImsDialectMode,
  type ImsRequest,
  looksAlike,
  parseImsDatagram,
  parseImsLine,
} from '../rtpp/ims-dialect.ts';
import { MAX_REPLY_BYTES } from '../rtpp/reply.ts';
import { MAX_COMMAND_BYTES, splitCookie } from '../rtpp/words.ts';
import { assertNever } from '../wire/assert-never.ts';
import { formatTransportAddress } from '../wire/ip-address.ts';
import { keyMessage } from './commands/dtmf.ts';
import { executeIms } from './commands/ims-dialect.ts';
import { COMMANDS } from './commands/index.ts';
import { type CommandOutcome, failure, type Opening } from './commands/spec.ts';
import type { ControlOrigin, RelayEffect } from './effects.ts';
import type { LocalAddress } from './local-addresses.ts';
import { LogLimit } from './log-limit.ts';
import { otherSide, type PairOutcome, type PlaneEvent, type SessionId, type Side, sideName } from './plane.ts';
import type { PlayerId } from './playing/prompt.ts';
import type { TapId } from './recording/tap.ts';
import { ReplyCache } from './reply-cache.ts';
import type { EndReason } from './session.ts';
import type { RelaySettings } from './settings.ts';
import { type RelayEnvironment, RelayState } from './state.ts';

/** Sessions are looked at, caches swept and rates taken this often. */
const TICK_MS = 1000;

/** Commands that wait while one opens its ports; more get E98. */
const MAX_WAITING = 2000;

/** A longer cookie leaves no room for a reply; such a datagram is dropped. */
const MAX_COOKIE_BYTES = 1010;

/** One line in as many milliseconds says that somebody speaks the dialect to a relay that does not. */
const DIALECT_LOG_EVERY_MS = 60_000;

const DIALECT_SENTENCE =
  'a command in the dialect of the Python IMS got the standard answer: --ims-dialect=auto makes the relay understand it';

/** Senders remembered as standard clients with a cookie that looks like the dialect. */
const MAX_STANDARD_SOURCES = 1024;

/** A command that has been accepted for execution. */
interface Job<Origin> {
  readonly origin: Origin;
  /** Empty for streams and the dialect. */
  readonly cookie: string;
  readonly work:
    | { readonly kind: 'standard'; readonly text: string }
    | { readonly kind: 'ims'; readonly request: ImsRequest };
}

/**
 * The relay without sockets: commands and facts go in, effects come out.
 *
 * - `handleCommand`: a datagram or one line of a stream;
 * - `handleOpened`: the answer to an `open`, `open-tap` or `play` effect, exactly one for each;
 * - `handlePlayerEnded`: a prompt is over;
 * - `handleTapFailed`: a tap that was open could not go on, and is closed;
 * - `handleRtp`: a datagram of a leg whose keys are reported;
 * - `handlePlaneEvent`: something happened to media;
 * - `handleTimeout`: `nextTimeoutAt()` has passed.
 *
 * Commands are executed one at a time in the order of arrival, so replies come in order, and a retransmission of
 * a command that still waits for its ports is not executed twice.
 */
export class Relay<Origin extends ControlOrigin> {
  readonly #state: RelayState;
  readonly #cache = new ReplyCache();
  readonly #cookieLog = new LogLimit();
  readonly #socketLog = new LogLimit();
  readonly #dialectLog = new LogLimit(1, DIALECT_LOG_EVERY_MS);
  readonly #contestLog = new LogLimit();
  readonly #dialect: ImsDialectMode;
  readonly #standardSources = new Set<string>();
  readonly #waiting: Job<Origin>[] = [];
  #active: { readonly job: Job<Origin>; readonly run: Opening<CommandOutcome> } | undefined;
  #effects: RelayEffect<Origin>[] = [];
  #tickAt = Number.POSITIVE_INFINITY;
  #packetsAtTick = 0;
  #drainedTold = false;
  #closed = false;

  constructor(settings: RelaySettings, environment: RelayEnvironment) {
    this.#state = new RelayState(settings, environment);
    this.#dialect = settings.imsDialect;
  }

  get sessionCount(): number {
    return this.#state.sessions.size;
  }

  /** Sessions without those that only try the relay out. */
  get callSessionCount(): number {
    return this.#state.sessions.callCount;
  }

  /** Port pairs handed out; twice the number of complete sessions when nothing leaks. */
  get pairsInUse(): number {
    return this.#state.pairsInUse;
  }

  get draining(): boolean {
    return this.#state.draining;
  }

  /** New sessions are opened on, and told of, another address. */
  moveTo(address: LocalAddress): void {
    this.#state.addresses.moveTo(address);
  }

  nextTimeoutAt(): number {
    return this.#tickAt;
  }

  /** `text` is the datagram, or one line of a stream without its LF, as latin1. */
  handleCommand(now: number, origin: Origin, text: string): RelayEffect<Origin>[] {
    if (!this.#closed) {
      const job =
        origin.kind === 'datagram' ? this.#admitDatagram(now, origin, text) : this.#admitLine(now, origin, text);
      if (job !== undefined) {
        this.#enqueue(now, job);
      }
      this.#armTick(now);
    }
    return this.#takeEffects();
  }

  handleOpened(now: number, outcome: PairOutcome): RelayEffect<Origin>[] {
    const active = this.#active;
    if (active !== undefined && !this.#closed) {
      this.#resume(now, active.job, active.run, outcome);
      this.#runWaiting(now);
    }
    return this.#takeEffects();
  }

  handleTapFailed(now: number, tap: TapId, cause: string): RelayEffect<Origin>[] {
    this.#state.loseTap(now, tap, cause);
    return this.#takeEffects();
  }

  /** A prompt is over; one that was stopped meanwhile is not known any more. */
  handlePlayerEnded(player: PlayerId): RelayEffect<Origin>[] {
    for (const session of this.#state.sessions.values()) {
      for (const side of [0, 1] as const) {
        if (session.legs[side].player === player) {
          this.#state.stopPlaying(session, side);
        }
      }
    }
    return this.#takeEffects();
  }

  /** What the party of a leg sent to its RTP port, after a `detect-keys`. */
  handleRtp(id: SessionId, side: Side, packet: Uint8Array): RelayEffect<Origin>[] {
    const session = this.#state.sessions.byId(id);
    const dtmf = session?.legs[side].dtmf;
    const key = dtmf?.detector.push(packet);
    if (session !== undefined && dtmf !== undefined && key !== undefined) {
      this.#state.emit({ kind: 'notify', target: dtmf.target, text: keyMessage(dtmf.tag, key, side) });
      // Not which key: it may be part of a secret.
      this.#state.log.debug({ callId: session.callId, side: sideName(side) }, 'key pressed');
    }
    return this.#takeEffects();
  }

  handlePlaneEvent(now: number, event: PlaneEvent): RelayEffect<Origin>[] {
    const session = this.#state.sessions.byId(event.session);
    if (session !== undefined) {
      const { log } = this.#state;
      const fields = { callId: session.callId, side: sideName(event.side), localPort: session.legs[event.side].port };
      switch (event.kind) {
        case 'first-packet':
          log.debug({ ...fields, remote: formatTransportAddress(event.remote) }, 'first packet of a party');
          break;
        case 'latched':
          log.debug(
            { ...fields, stream: event.component, remote: formatTransportAddress(event.remote) },
            'source of a party learned',
          );
          break;
        case 'contested': {
          this.#state.statistics.add('nsess_contested');
          const suppressed = this.#contestLog.allow(now);
          if (suppressed !== undefined) {
            const told = { ...fields, remote: formatTransportAddress(event.remote), count: suppressed };
            log.warn(told, 'two sources claim to be this party, and signalling names neither: one may be a stranger');
          }
          break;
        }
        case 'socket-error':
          if (this.#socketLog.allow(now) !== undefined) {
            log.warn({ ...fields, err: event.cause }, 'media socket failed');
          }
          break;
        default:
          assertNever(event);
      }
    }
    return this.#takeEffects();
  }

  handleTimeout(now: number): RelayEffect<Origin>[] {
    if (!this.#closed && now >= this.#tickAt) {
      if (this.#active === undefined) {
        this.#tick(now);
        this.#tickAt = Number.POSITIVE_INFINITY;
        this.#armTick(now);
      } else {
        // A session must not end under a command that opens a port for it.
        this.#tickAt = now + TICK_MS;
      }
    }
    return this.#takeEffects();
  }

  /** Slow shutdown: no new sessions (E99); `drained` once the last has ended, at once if there is none. */
  drain(now: number): RelayEffect<Origin>[] {
    this.#state.draining = true;
    this.#armTick(now);
    return this.#takeEffects();
  }

  /** Fast shutdown: every session ends now, and nothing is answered any more. */
  shutdown(now: number): RelayEffect<Origin>[] {
    this.#endAll(now, 'shutdown');
    this.#closed = true;
    this.#tickAt = Number.POSITIVE_INFINITY;
    return this.#takeEffects();
  }

  #admitDatagram(now: number, origin: Origin, datagram: string): Job<Origin> | undefined {
    const text = datagram.slice(0, MAX_COMMAND_BYTES);
    const isDialect = (mode: ImsDialectMode): ImsRequest | undefined =>
      parseImsDatagram(text, mode, this.#standardSources.has(origin.source));
    const request = isDialect(this.#dialect);
    if (request !== undefined) {
      return { origin, cookie: '', work: { kind: 'ims', request } };
    }
    if (this.#dialect === 'off' && isDialect('auto') !== undefined) {
      this.#explainDialect(now, origin);
    } else {
      this.#noteStandardSource(origin, text);
    }
    const split = splitCookie(text);
    if (split === undefined) {
      return { origin, cookie: '', work: { kind: 'standard', text } };
    }
    const { cookie, command } = split;
    if (cookie.length > MAX_COOKIE_BYTES) {
      const suppressed = this.#cookieLog.allow(now);
      if (suppressed !== undefined) {
        this.#state.log.warn({ remote: origin.source, count: suppressed }, 'command dropped: its cookie is too long');
      }
      return undefined;
    }
    const answer = this.#cache.begin(now, origin.host, cookie);
    if (answer.kind === 'new') {
      return { origin, cookie, work: { kind: 'standard', text: command } };
    }
    this.#state.statistics.add('ncmds_rcvd_ndups');
    if (answer.kind === 'reply') {
      this.#effects.push({ kind: 'reply', origin, text: answer.text });
    }
    return undefined;
  }

  #admitLine(now: number, origin: Origin, text: string): Job<Origin> {
    if (this.#dialect === 'off' && parseImsLine(text, 'auto') !== undefined) {
      this.#explainDialect(now, origin);
    }
    const request = parseImsLine(text, this.#dialect);
    const work = request === undefined ? ({ kind: 'standard', text } as const) : ({ kind: 'ims', request } as const);
    return { origin, cookie: '', work };
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

  #enqueue(now: number, job: Job<Origin>): void {
    if (this.#active === undefined) {
      this.#start(now, job);
      this.#runWaiting(now);
    } else if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(job);
    } else {
      this.#state.statistics.add('ncmds_rcvd');
      this.#finish(job, failure(98));
    }
  }

  #runWaiting(now: number): void {
    while (this.#active === undefined) {
      const job = this.#waiting.shift();
      if (job === undefined) {
        return;
      }
      this.#start(now, job);
    }
  }

  #start(now: number, job: Job<Origin>): void {
    this.#state.statistics.add('ncmds_rcvd');
    const execution =
      job.work.kind === 'ims' ? executeIms(this.#state, now, job.work.request) : this.#execute(now, job, job.work.text);
    if ('text' in execution) {
      this.#finish(job, execution);
    } else {
      this.#resume(now, job, execution, undefined);
    }
  }

  #execute(now: number, job: Job<Origin>, text: string): CommandOutcome | Opening<CommandOutcome> {
    const line = parseCommandLine(text);
    if (!line.ok) {
      return failure(line.error);
    }
    const replyBytes = MAX_REPLY_BYTES - 1 - (job.cookie === '' ? 0 : job.cookie.length + 1);
    return COMMANDS[line.value.verb.letter].execute(this.#state, {
      now,
      line: line.value,
      host: job.origin.host,
      replyBytes,
    });
  }

  /** Runs a command until it ends or wants ports; `outcome` answers what it wanted last. */
  #resume(now: number, job: Job<Origin>, run: Opening<CommandOutcome>, outcome: PairOutcome | undefined): void {
    const step = outcome === undefined ? run.next() : run.next(outcome);
    this.#collectMedia();
    if (step.done === true) {
      this.#active = undefined;
      this.#finish(job, step.value);
      this.#armTick(now);
    } else {
      this.#active = { job, run };
      this.#effects.push(step.value);
    }
  }

  #finish(job: Job<Origin>, { text, failed }: CommandOutcome): void {
    const { statistics } = this.#state;
    statistics.add(failed ? 'ncmds_errs' : 'ncmds_succd');
    statistics.add('ncmds_repld');
    const reply = `${job.cookie === '' ? '' : `${job.cookie} `}${text}\n`;
    if (job.cookie !== '') {
      this.#cache.finish(job.origin.host, job.cookie, reply);
    }
    this.#collectMedia();
    this.#effects.push({ kind: 'reply', origin: job.origin, text: reply });
  }

  #tick(now: number): void {
    const state = this.#state;
    for (const session of [...state.sessions.values()]) {
      for (const side of [0, 1] as const) {
        const { lastAcceptedAt, lastPlayedAt } = state.counters(session, side);
        session.packetSeen(side, lastAcceptedAt);
        session.packetSeen(otherSide(side), lastPlayedAt);
      }
      const reason = session.overBecause(now);
      if (reason !== undefined) {
        state.endSession(now, session, reason);
      }
    }
    const { received } = state.meter.totals;
    state.statistics.set('pps_in', ((received - this.#packetsAtTick) * 1000) / TICK_MS);
    this.#packetsAtTick = received;
    this.#cache.expire(now);
  }

  /** The tick runs while there is something that time changes. */
  #armTick(now: number): void {
    const { sessions, statistics, draining } = this.#state;
    if (draining && sessions.size === 0 && this.#active === undefined && !this.#drainedTold) {
      this.#drainedTold = true;
      this.#collectMedia();
      this.#effects.push({ kind: 'drained' });
    }
    const busy = sessions.size > 0 || this.#cache.size > 0 || statistics.get('pps_in') > 0;
    if (busy && this.#tickAt === Number.POSITIVE_INFINITY) {
      this.#tickAt = now + TICK_MS;
    }
  }

  #endAll(now: number, reason: EndReason): void {
    for (const session of [...this.#state.sessions.values()]) {
      this.#state.endSession(now, session, reason);
    }
  }

  #collectMedia(): void {
    // One by one: when all sessions end at once there may be more than a call can have arguments.
    for (const effect of this.#state.takeEffects()) {
      this.#effects.push(effect);
    }
  }

  #takeEffects(): RelayEffect<Origin>[] {
    this.#collectMedia();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
