import { parseCommandLine } from '../rtpp/command-line.ts';
import { MAX_REPLY_BYTES } from '../rtpp/reply.ts';
import { Admission, type Job } from './admission.ts';
import { keyMessage } from './commands/dtmf.ts';
import { executeIms } from './commands/ims-dialect.ts';
import { COMMANDS } from './commands/index.ts';
import { type CommandOutcome, failure, type Opening } from './commands/spec.ts';
import type { ControlOrigin, RelayEffect } from './effects.ts';
import type { LocalAddress } from './local-addresses.ts';
import { otherSide, type PairOutcome, type PlaneEvent, type SessionId, type Side, sideName } from './plane.ts';
import { PlaneEventLog } from './plane-events.ts';
import type { PlayerId } from './playing/prompt.ts';
import type { StreamReport } from './quality/report.ts';
import { type OpenLeg, openLegsOf } from './recording/open-leg.ts';
import type { TapId } from './recording/tap.ts';
import type { EndReason } from './session.ts';
import type { RelaySettings } from './settings.ts';
import { type RelayEnvironment, RelayState } from './state.ts';

/** Sessions are looked at, caches swept and rates taken this often. */
const TICK_MS = 1000;

/** Commands that wait while one opens its ports; more get E98. */
const MAX_WAITING = 2000;

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
  readonly #admission: Admission<Origin>;
  readonly #planeEvents: PlaneEventLog;
  readonly #waiting: Job<Origin>[] = [];
  #active: { readonly job: Job<Origin>; readonly run: Opening<CommandOutcome> } | undefined;
  #effects: RelayEffect<Origin>[] = [];
  #tickAt = Number.POSITIVE_INFINITY;
  #packetsAtTick = 0;
  #drainedTold = false;
  #closed = false;

  constructor(settings: RelaySettings, environment: RelayEnvironment) {
    this.#state = new RelayState(settings, environment);
    this.#admission = new Admission(this.#state, settings.imsDialect);
    this.#planeEvents = new PlaneEventLog(this.#state);
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

  /** What is known of the media of each stream, those that need somebody first; at most `limit` of them. */
  streams(now: number, limit: number): StreamReport[] {
    return this.#state.media.reports(now, limit);
  }

  /** @param calls Call-IDs, or what goes before their last `~`; undefined: all */
  openLegs(calls: readonly string[] | undefined): OpenLeg[] {
    return openLegsOf(this.#state.sessions.values(), calls);
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
      const admitted = this.#admission.admit(now, origin, text);
      if (admitted.kind === 'job') {
        this.#enqueue(now, admitted.job);
      } else if (admitted.kind === 'again') {
        this.#effects.push({ kind: 'reply', origin, text: admitted.text });
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
    this.#planeEvents.handle(now, event);
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
    this.#admission.answered(job, reply);
    this.#collectMedia();
    this.#effects.push({ kind: 'reply', origin: job.origin, text: reply });
  }

  #tick(now: number): void {
    const state = this.#state;
    for (const session of [...state.sessions.values()]) {
      const meters = [state.meterOf(session, 0), state.meterOf(session, 1)] as const;
      for (const side of [0, 1] as const) {
        const { lastAcceptedAt, lastPlayedAt } = meters[side].counters;
        session.packetSeen(side, lastAcceptedAt);
        session.packetSeen(otherSide(side), lastPlayedAt);
      }
      state.media.look(now, session, meters);
      const reason = session.overBecause(now);
      if (reason !== undefined) {
        state.endSession(now, session, reason);
      }
    }
    const { received } = state.meter.totals;
    state.statistics.set('pps_in', ((received - this.#packetsAtTick) * 1000) / TICK_MS);
    this.#packetsAtTick = received;
    this.#admission.expire(now);
  }

  /** The tick runs while there is something that time changes. */
  #armTick(now: number): void {
    const { sessions, statistics, draining } = this.#state;
    if (draining && sessions.size === 0 && this.#active === undefined && !this.#drainedTold) {
      this.#drainedTold = true;
      this.#collectMedia();
      this.#effects.push({ kind: 'drained' });
    }
    const busy = sessions.size > 0 || this.#admission.remembers || statistics.get('pps_in') > 0;
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
