import type { ControlOrigin, RelayEffect } from '../relay/effects.ts';
import { Relay } from '../relay/engine.ts';
import type { MediaPlane, PairOutcome, PairRequest, PlaneEvent, PlaneListener } from '../relay/plane.ts';
import type { RelaySettings } from '../relay/settings.ts';
import type { RelayEnvironment } from '../relay/state.ts';
import { assertNever } from '../wire/assert-never.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { NotifySender } from './notify-sender.ts';

/** A sender of commands that can be answered. */
export interface ControlPeer extends ControlOrigin {
  /** Sends one whole reply; never throws, also when the sender is gone. */
  reply(text: string): void;
}

export interface RelayDriverOptions {
  readonly settings: RelaySettings;
  readonly environment: Omit<RelayEnvironment, 'meter' | 'canSetTos'>;
  /** Builds the plane, which reports to the driver. */
  readonly openPlane: (listener: PlaneListener) => MediaPlane;
  readonly onDrained: () => void;
  readonly notifier: NotifySender;
}

/** Joins the relay engine to its plane, its control sockets and one timer. */
export class RelayDriver implements PlaneListener {
  readonly #relay: Relay<ControlPeer>;
  readonly #plane: MediaPlane;
  readonly #onDrained: () => void;
  readonly #notifier: NotifySender;
  readonly #timer = new DeadlineTimer(() => this.#perform(this.#relay.handleTimeout(performance.now())));
  #closed = false;

  constructor({ settings, environment, openPlane, onDrained, notifier }: RelayDriverOptions) {
    this.#onDrained = onDrained;
    this.#notifier = notifier;
    this.#plane = openPlane(this);
    this.#relay = new Relay(settings, { ...environment, meter: this.#plane, canSetTos: this.#plane.canSetTos });
  }

  get sessionCount(): number {
    return this.#relay.sessionCount;
  }

  get pairsInUse(): number {
    return this.#relay.pairsInUse;
  }

  /** One datagram, or one line of a stream; latin1. */
  command(peer: ControlPeer, text: string): void {
    this.#perform(this.#relay.handleCommand(performance.now(), peer, text));
  }

  pairOpened(_request: PairRequest, outcome: PairOutcome): void {
    this.#perform(this.#relay.handlePairOpened(performance.now(), outcome));
  }

  event(event: PlaneEvent): void {
    this.#perform(this.#relay.handlePlaneEvent(performance.now(), event));
  }

  /** No new sessions; `onDrained` is called once the last has ended. */
  drain(): void {
    this.#perform(this.#relay.drain(performance.now()));
  }

  /** Ends all sessions. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) {
      return;
    }
    this.#perform(this.#relay.shutdown(performance.now()));
    this.#closed = true;
    this.#timer.arm(Number.POSITIVE_INFINITY);
    await Promise.all([this.#plane.close(), this.#notifier.close()]);
  }

  #perform(effects: readonly RelayEffect<ControlPeer>[]): void {
    for (const effect of effects) {
      this.#performOne(effect);
    }
    this.#timer.arm(this.#closed ? Number.POSITIVE_INFINITY : this.#relay.nextTimeoutAt());
  }

  #performOne(effect: RelayEffect<ControlPeer>): void {
    switch (effect.kind) {
      case 'reply':
        effect.origin.reply(effect.text);
        break;
      case 'open':
        this.#plane.open(effect.request);
        break;
      case 'peer':
        this.#plane.setPeer(effect.session, effect.side, effect.order);
        break;
      case 'tos':
        this.#plane.setTos(effect.session, effect.side, effect.tos);
        break;
      case 'end':
        this.#plane.end(effect.session);
        break;
      case 'notify':
        this.#notifier.send(effect.target, effect.text);
        break;
      case 'drained':
        this.#onDrained();
        break;
      default:
        assertNever(effect);
    }
  }
}
