import type { Branch } from './branch.ts';
import type { CallHost, Timed } from './host.ts';
import type { RelayOutcome } from './media-relay.ts';
import { ReAnchoring } from './re-anchoring.ts';

/** A relay that has forgotten a call may have been restarted: who says so comes a moment later. */
const NOTICE_MS = 3000;

/**
 * Looks after the relay session of a branch between its messages: asks the relay now and then, ends a call whose media
 * are dead, and moves one whose relay has died to another session.
 *
 *   asked ──done──► asked
 *     ├──lost, the relay was restarted──► re-anchored
 *     ├──lost──► wait for the notice of a restart ──3 s──► the call ends: its parties are silent
 *     └──failed──► asked again ──twice the relay's time-out──► the call ends
 */
export class MediaCare implements Timed {
  readonly #branch: Branch;
  readonly #host: CallHost;
  readonly reAnchoring: ReAnchoring;
  /** The relay was restarted, and has not said since that it knows the call. */
  #restarted = false;
  /** When the relay first failed to answer, if it has not answered since. */
  #awaySince: number | undefined;
  /** It has forgotten the call; until then a restart may be the reason. */
  #noticeUntil: number | undefined;
  #stopped = false;

  constructor(branch: Branch, host: CallHost) {
    this.#branch = branch;
    this.#host = host;
    this.reAnchoring = new ReAnchoring(branch, host, () => this.#handleNewSession());
  }

  start(): void {
    this.#arm(this.#host.options.mediaCheckIntervalMs);
  }

  /** After a restart of this process nobody tells of relays that were restarted before. */
  resume(delayMs: number): void {
    this.#restarted = true;
    this.#arm(NOTICE_MS + delayMs);
  }

  /** The branch is over. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#host.setDeadline(this, Number.POSITIVE_INFINITY);
    this.reAnchoring.stop();
  }

  /** The relay was started anew. `delayMs`: where the call has to move, not all do so at once. */
  handleRelayRestart(delayMs: number): void {
    this.#restarted = true;
    if (this.#noticeUntil !== undefined) {
      this.#move(delayMs);
    } else {
      this.#check(delayMs);
    }
  }

  /** The relay that has the session is gone, and there are others. */
  handleRelayGone(delayMs: number): void {
    if (this.#branch.call.isAnswered) {
      this.#move(delayMs);
    }
  }

  handleTimeout(): void {
    if (this.#noticeUntil !== undefined && this.#host.now >= this.#noticeUntil && !this.reAnchoring.isActive) {
      this.#branch.call.end({ by: 'server', reason: 'media-lost', status: 503 });
      return;
    }
    this.#check(0);
    this.#arm(this.#host.options.mediaCheckIntervalMs);
  }

  #check(delayMs: number): void {
    if (!this.reAnchoring.isActive) {
      const { media, call } = this.#branch;
      media.check(!call.isAnswered, (outcome) => this.#judge(outcome, delayMs));
    }
  }

  #judge(outcome: RelayOutcome, delayMs: number): void {
    const { call } = this.#branch;
    const { now, options } = this.#host;
    switch (outcome.kind) {
      case 'done':
        this.#awaySince = undefined;
        this.#noticeUntil = undefined;
        this.#restarted = false;
        break;
      case 'lost':
        if (!call.isAnswered) {
          call.end({ by: 'server', reason: 'media-lost', status: 503 });
        } else if (this.#restarted) {
          this.#move(delayMs);
        } else {
          this.#noticeUntil = now + NOTICE_MS;
          this.#arm(NOTICE_MS);
        }
        break;
      case 'failed':
        // A relay that is away this long has forgotten the session even if it still runs.
        this.#awaySince ??= now;
        if (call.isAnswered && now - this.#awaySince > 2 * options.relayTimeoutMs) {
          call.end({ by: 'server', reason: 'media relay lost' });
        }
        break;
    }
  }

  #move(delayMs: number): void {
    if (!this.reAnchoring.isActive) {
      this.#restarted = false;
      this.reAnchoring.start(delayMs);
    }
  }

  #handleNewSession(): void {
    if (this.#restarted) {
      // While the call moved the relay was restarted once more.
      this.#check(0);
    }
    this.#awaySince = undefined;
    this.#noticeUntil = undefined;
    this.#arm(this.#host.options.mediaCheckIntervalMs);
  }

  #arm(delayMs: number): void {
    if (!this.#stopped) {
      this.#host.setDeadline(this, this.#host.now + delayMs);
    }
  }
}
