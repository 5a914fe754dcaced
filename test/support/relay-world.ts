/** The relay engine in virtual time, with a plane that opens what the test lets it open. */
import type { Log } from '../../src/observe/log.ts';
import type { ControlOrigin, RelayEffect } from '../../src/relay/effects.ts';
import { Relay } from '../../src/relay/engine.ts';
import { LegCounters } from '../../src/relay/media/counters.ts';
import type { PairOutcome, PairRequest, PlaneMeter, SessionId, Side } from '../../src/relay/plane.ts';
import type { PlayerId, PlayRequest } from '../../src/relay/playing/prompt.ts';
import type { MediaEvent } from '../../src/relay/quality/report.ts';
import type { TapId, TapRequest } from '../../src/relay/recording/tap.ts';
import type { RelaySettings } from '../../src/relay/settings.ts';

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly sentence: string;
}

const SETTINGS: RelaySettings = {
  addresses: [{ address: '192.0.2.100', family: 4, advertised: undefined, label: undefined }],
  external: undefined,
  minPort: 20_000,
  maxPort: 20_099,
  sequentialPorts: true,
  reservedPorts: [],
  ttlSeconds: 60,
  setupTtlSeconds: 60,
  ttlPerLeg: false,
  holdTtlSeconds: 1800,
  maxLifetimeSeconds: 0,
  asymmetricByDefault: false,
  imsDialect: 'off',
  notifyTargets: [],
  recording: undefined,
  recordRtcp: true,
  maxSessions: 1000,
};

export class RelayWorld {
  now = 0;
  readonly relay: Relay<ControlOrigin>;
  readonly replies: string[] = [];
  readonly opened: PairRequest[] = [];
  readonly peers: Extract<RelayEffect, { kind: 'peer' }>[] = [];
  readonly ended: SessionId[] = [];
  readonly logged: LogLine[] = [];
  readonly taps: TapRequest[] = [];
  readonly closedTaps: TapId[] = [];
  readonly notified: Extract<RelayEffect, { kind: 'notify' }>[] = [];
  readonly plays: PlayRequest[] = [];
  readonly stoppedPlayers: PlayerId[] = [];
  readonly detecting: Extract<RelayEffect, { kind: 'detect-keys' }>[] = [];
  readonly feeds: Extract<RelayEffect, { kind: 'feed' | 'stop-feeding' }>[] = [];
  readonly told: MediaEvent[] = [];
  drained = false;
  /** The local address that leads to any peer; undefined: none does. */
  route: string | undefined = '192.0.2.100';
  /** What becomes of a prompt. */
  openPlayer: (request: PlayRequest) => PairOutcome = () => ({ kind: 'opened' });
  /** What becomes of a recording or copy. */
  openTap: (request: TapRequest) => PairOutcome = () => ({ kind: 'opened' });
  /** What becomes of a pair; undefined: the plane does not answer yet. */
  open: (request: PairRequest) => PairOutcome | undefined = () => ({ kind: 'opened' });
  readonly #counters = new Map<string, LegCounters>();
  readonly #unanswered: PairRequest[] = [];
  readonly #totals = {
    received: 0,
    relayed: 0,
    discarded: 0,
    played: 0,
    errors: 0,
    resizer: { taken: 0, produced: 0, dropped: 0 },
    inKernel: 0,
    flows: () => new Map(),
    errorsOf: () => 0,
    refusedOf: () => 0,
  };

  constructor(settings: Partial<RelaySettings> = {}) {
    const meter: PlaneMeter = {
      totals: this.#totals,
      leg: (session, side) => ({ counters: this.counters(session, side), remote: undefined }),
    };
    const routes = { localAddressTowards: () => this.route };
    const isOwnControl = (address: string, port: number): boolean => address === '127.0.0.1' && port === 7722;
    const environment = {
      meter,
      routes,
      log: this.#log(),
      random: (below: number) => below - 1,
      canSetTos: true,
      isOwnControl,
    };
    this.relay = new Relay({ ...SETTINGS, ...settings }, environment);
  }

  /** What the plane has counted on a leg; the test may write to it. */
  counters(session: SessionId, side: Side): LegCounters {
    const key = `${session}/${side}`;
    const counters = this.#counters.get(key) ?? new LegCounters();
    this.#counters.set(key, counters);
    return counters;
  }

  /** A line of a stream; the replies that it caused, at once or not at all. */
  line(text: string): string[] {
    return this.#capture(() => this.relay.handleCommand(this.now, { kind: 'stream', host: '', source: 's' }, text));
  }

  datagram(text: string, host = '127.0.0.1', port = 5000): string[] {
    const origin: ControlOrigin = { kind: 'datagram', host, source: `${host}:${port}` };
    return this.#capture(() => this.relay.handleCommand(this.now, origin, text));
  }

  /** The plane answers the oldest request that it has left open. */
  answer(outcome: PairOutcome = { kind: 'opened' }): string[] {
    this.#unanswered.shift();
    return this.#capture(() => this.relay.handleOpened(this.now, outcome));
  }

  /** A datagram that the party of a leg sent, on a leg whose keys are reported. */
  rtp(session: SessionId, side: Side, packet: Uint8Array): void {
    this.#perform(this.relay.handleRtp(session, side, packet));
  }

  drain(): void {
    this.#perform(this.relay.drain(this.now));
  }

  shutdown(): void {
    this.#perform(this.relay.shutdown(this.now));
  }

  /** Lets time pass, and the engine's timeouts with it. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let at = this.relay.nextTimeoutAt(); at <= end; at = this.relay.nextTimeoutAt()) {
      this.now = Math.max(this.now, at);
      this.#perform(this.relay.handleTimeout(this.now));
    }
    this.now = end;
  }

  #capture(act: () => RelayEffect[]): string[] {
    const before = this.replies.length;
    this.#perform(act());
    return this.replies.slice(before);
  }

  #perform(effects: readonly RelayEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'reply') {
        this.replies.push(effect.text.replace(/\n$/, ''));
      } else if (effect.kind === 'peer') {
        this.peers.push(effect);
      } else if (effect.kind === 'end') {
        this.ended.push(effect.session);
      } else if (effect.kind === 'drained') {
        this.drained = true;
      } else if (effect.kind === 'open-tap') {
        this.taps.push(effect.request);
        this.#perform(this.relay.handleOpened(this.now, this.openTap(effect.request)));
      } else if (effect.kind === 'play') {
        this.plays.push(effect.request);
        this.#perform(this.relay.handleOpened(this.now, this.openPlayer(effect.request)));
      } else if (effect.kind === 'stop-playing') {
        this.stoppedPlayers.push(effect.player);
      } else if (effect.kind === 'close-tap') {
        this.closedTaps.push(effect.tap);
      } else if (effect.kind === 'notify') {
        this.notified.push(effect);
      } else if (effect.kind === 'detect-keys') {
        this.detecting.push(effect);
      } else if (effect.kind === 'feed' || effect.kind === 'stop-feeding') {
        this.feeds.push(effect);
      } else if (effect.kind === 'media-event') {
        this.told.push(effect.event);
      } else if (effect.kind === 'open') {
        this.#open(effect.request);
      }
    }
  }

  #open(request: PairRequest): void {
    this.opened.push(request);
    const outcome = this.open(request);
    if (outcome === undefined) {
      this.#unanswered.push(request);
    } else {
      this.#perform(this.relay.handleOpened(this.now, outcome));
    }
  }

  #log(): Log {
    const write =
      (level: string) =>
      (fields: Readonly<Record<string, unknown>>, sentence: string): void => {
        this.logged.push({ level, fields, sentence });
      };
    const log: Log = {
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
      trace: write('trace'),
      child: () => log,
      isLevelEnabled: () => true,
    };
    return log;
  }
}
