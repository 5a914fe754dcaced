import type { MediaCaptureAnswer, MediaCaptureQuestion } from '../observe/ipc.ts';
import type { ControlOrigin, RelayEffect } from '../relay/effects.ts';
import { Relay } from '../relay/engine.ts';
import type { LocalAddress } from '../relay/local-addresses.ts';
import {
  type Component,
  type MediaPlane,
  otherSide,
  type PairOutcome,
  type PairRequest,
  type PlaneEvent,
  type PlaneListener,
  type SessionId,
  type Side,
} from '../relay/plane.ts';
import type { PlayRequest } from '../relay/playing/prompt.ts';
import type { MediaEvent, StreamReport } from '../relay/quality/report.ts';
import type { TapId, TapRequest } from '../relay/recording/tap.ts';
import type { RelaySettings } from '../relay/settings.ts';
import type { RelayEnvironment } from '../relay/state.ts';
import { assertNever } from '../wire/assert-never.ts';
import type { TransportAddress } from '../wire/ip-address.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { LegTaps } from './leg-taps.ts';
import type { NotifySender } from './notify-sender.ts';
import { Players } from './playing/players.ts';
import { LiveCaptures } from './recording/live-captures.ts';
import type { Recorder } from './recording/recorder.ts';

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
  /** The media of a call has taken a turn. */
  readonly onMedia: (event: MediaEvent) => void;
  readonly notifier: NotifySender;
  /** Builds the recorder, which reports what it could not go on with. */
  readonly openRecorder: (onFailure: (tap: TapId, cause: string) => void) => Recorder;
}

/** Joins the relay engine to its plane, its control sockets and one timer. */
export class RelayDriver implements PlaneListener {
  readonly #relay: Relay<ControlPeer>;
  readonly #plane: MediaPlane;
  readonly #onDrained: () => void;
  readonly #onMedia: (event: MediaEvent) => void;
  readonly #notifier: NotifySender;
  readonly #recorder: Recorder;
  readonly #players: Players;
  readonly #taps: LegTaps;
  readonly #captures: LiveCaptures;
  readonly #timer = new DeadlineTimer(() => this.#perform(this.#relay.handleTimeout(performance.now())));
  #closed = false;

  constructor({ settings, environment, openPlane, onDrained, onMedia, notifier, openRecorder }: RelayDriverOptions) {
    this.#onDrained = onDrained;
    this.#onMedia = onMedia;
    this.#notifier = notifier;
    this.#recorder = openRecorder((tap, cause) =>
      this.#perform(this.#relay.handleTapFailed(performance.now(), tap, cause)),
    );
    this.#plane = openPlane(this);
    this.#taps = new LegTaps((session, side, on) => this.#plane.tap(session, side, on));
    this.#captures = new LiveCaptures({ taps: this.#taps, openLegs: (calls) => this.#relay.openLegs(calls) });
    this.#players = new Players({
      send: (session, side, packet) => this.#plane.play(session, side, packet),
      onEnd: (player) => this.#perform(this.#relay.handlePlayerEnded(player)),
    });
    this.#relay = new Relay(settings, { ...environment, meter: this.#plane, canSetTos: this.#plane.canSetTos });
  }

  get sessionCount(): number {
    return this.#relay.sessionCount;
  }

  get callSessionCount(): number {
    return this.#relay.callSessionCount;
  }

  get pairsInUse(): number {
    return this.#relay.pairsInUse;
  }

  /** What is known of the media of each stream, those that need somebody first. */
  streams(limit: number): StreamReport[] {
    return this.#relay.streams(performance.now(), limit);
  }

  /** What the parties of a call, or of all, have sent since this capture was fetched last. */
  capture(question: MediaCaptureQuestion): MediaCaptureAnswer {
    return this.#captures.fetch(question);
  }

  /** One datagram, or one line of a stream; latin1. */
  command(peer: ControlPeer, text: string): void {
    this.#perform(this.#relay.handleCommand(performance.now(), peer, text));
  }

  pairOpened(_request: PairRequest, outcome: PairOutcome): void {
    this.#perform(this.#relay.handleOpened(performance.now(), outcome));
  }

  packet(session: SessionId, side: Side, component: Component, packet: Uint8Array, source: TransportAddress): void {
    this.#taps.packet(session, side, component, packet, source);
  }

  event(event: PlaneEvent): void {
    this.#perform(this.#relay.handlePlaneEvent(performance.now(), event));
  }

  /** New sessions are opened on, and told of, another address. */
  moveTo(address: LocalAddress): void {
    this.#relay.moveTo(address);
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
    this.#captures.close();
    this.#players.close();
    this.#timer.arm(Number.POSITIVE_INFINITY);
    await Promise.all([this.#plane.close(), this.#notifier.close(), this.#recorder.closeAll()]);
  }

  #perform(effects: readonly RelayEffect<ControlPeer>[]): void {
    for (const effect of effects) {
      this.#performOne(effect);
    }
    this.#timer.arm(this.#closed ? Number.POSITIVE_INFINITY : this.#relay.nextTimeoutAt());
  }

  async #openTap(request: TapRequest): Promise<void> {
    const outcome = await this.#recorder.open(request);
    if (this.#closed) {
      this.#recorder.close(request.tap);
      return;
    }
    if (outcome.kind === 'opened') {
      const { session, side } = request;
      this.#taps.add(session, side, RECORDING, (component, packet, source) =>
        this.#recorder.packet(session, side, component, packet, source),
      );
    }
    this.#perform(this.#relay.handleOpened(performance.now(), outcome));
  }

  async #play(request: PlayRequest): Promise<void> {
    const outcome = await this.#players.open(request);
    if (this.#closed) {
      return;
    }
    if (outcome.kind === 'opened') {
      this.#plane.mute(request.session, request.side, true);
    }
    this.#perform(this.#relay.handleOpened(performance.now(), outcome));
    this.#players.start(request.player);
  }

  #detectKeys(session: SessionId, side: Side): void {
    this.#taps.add(session, side, KEYS, (component, packet) => {
      const effects = component === 'rtp' ? this.#relay.handleRtp(session, side, packet) : [];
      if (effects.length > 0) {
        this.#perform(effects);
      }
    });
  }

  #feed(source: SessionId, target: SessionId, crossed: boolean): void {
    this.#plane.setFed(target);
    for (const side of [0, 1] as const) {
      const leg = crossed ? otherSide(side) : side;
      this.#taps.add(source, side, feedingOf(target), (component, packet) =>
        this.#plane.feed(target, leg, component, packet),
      );
    }
  }

  #performOne(effect: RelayEffect<ControlPeer>): void {
    switch (effect.kind) {
      case 'reply':
        // Before the parties hear of a port, what arrives there is followed.
        this.#captures.refresh();
        this.#plane.commit();
        effect.origin.reply(effect.text);
        break;
      case 'open':
        this.#plane.open(effect.request);
        break;
      case 'open-tap':
        void this.#openTap(effect.request);
        break;
      case 'close-tap':
        this.#taps.remove(effect.session, effect.side, RECORDING);
        this.#recorder.close(effect.tap);
        break;
      case 'play':
        void this.#play(effect.request);
        break;
      case 'stop-playing':
        this.#players.stop(effect.player);
        this.#plane.mute(effect.session, effect.side, false);
        break;
      case 'peer':
        this.#plane.setPeer(effect.session, effect.side, effect.order);
        break;
      case 'packet-length':
        this.#plane.setPacketLength(effect.session, effect.side, effect.ms);
        break;
      case 'tos':
        this.#plane.setTos(effect.session, effect.side, effect.tos);
        break;
      case 'detect-keys':
        this.#detectKeys(effect.session, effect.side);
        this.#plane.hide(effect.session, effect.side, effect.hidden);
        break;
      case 'feed':
        this.#feed(effect.source, effect.target, effect.crossed);
        break;
      case 'stop-feeding':
        this.#taps.remove(effect.source, 0, feedingOf(effect.target));
        this.#taps.remove(effect.source, 1, feedingOf(effect.target));
        break;
      case 'end':
        this.#taps.end(effect.session);
        this.#plane.end(effect.session);
        break;
      case 'notify':
        this.#notifier.send(effect.target, effect.text);
        break;
      case 'media-event':
        this.#onMedia(effect.event);
        break;
      case 'drained':
        this.#onDrained();
        break;
      default:
        assertNever(effect);
    }
  }
}

/** Names of listeners to a leg. */
const RECORDING = 'recording';
const KEYS = 'keys';

function feedingOf(target: SessionId): string {
  return `feeding ${target}`;
}
