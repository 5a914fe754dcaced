import type { NotifyAddress } from '../rtpp/notify.ts';
import type { TransportAddress } from '../wire/ip-address.ts';
import type { DtmfDetector } from './dtmf/dtmf-detector.ts';
import type { LocalAddress } from './local-addresses.ts';
import { otherSide, type SessionId, type Side } from './plane.ts';
import type { PlayerId } from './playing/prompt.ts';
import { MediaTruth } from './quality/media-truth.ts';
import type { Tap } from './recording/tap.ts';

/** One side of a session: the socket pair that faces a party, and what signalling said of that party. */
export interface Leg {
  local: LocalAddress;
  /** Even port of the pair; undefined: not opened yet. */
  port: number | undefined;
  /** Address of the last U or L that had one. */
  peer: TransportAddress | undefined;
  asymmetric: boolean;
  /** The party's last address was 0.0.0.0 or ::, or its command has said so (`H`). */
  onHold: boolean;
  /** A command has said so (`S`). */
  symmetric: boolean;
  /** What the party of the call before sent on this port, not long ago. */
  shunnedSsrc: number | undefined;
  /** Payload types of the party, as its last command listed them. */
  codecs: string | undefined;
  /** Packet length that the party's packets are wanted in, ms; 0: as they come. */
  packetMs: number;
  /** IP TOS of what is sent to the party; undefined: the relay's default. */
  tos: number | undefined;
  /** The session ends when this passes without a sign of life. */
  expiresAt: number;
  /** Where copies of the party's packets go. */
  tap: Tap | undefined;
  /** Who is told of the keys that the party presses. */
  dtmf: { readonly detector: DtmfDetector; readonly target: NotifyAddress; readonly tag: string } | undefined;
  /** What plays to the party. */
  player: PlayerId | undefined;
  /** The plane's last accepted packet that expiresAt already counts. */
  seenAt: number;
}

export type EndReason = 'delete' | 'timeout' | 'max-lifetime' | 'delete-all' | 'shutdown';

export interface SessionOrigin {
  readonly id: SessionId;
  readonly callId: string;
  /** Tag of the party that made the session, the caller. */
  readonly fromTag: string;
  readonly ttlSeconds: number;
  readonly setupTtlSeconds: number;
  readonly ttlPerLeg: boolean;
  readonly holdTtlSeconds: number;
  readonly maxLifetimeSeconds: number;
}

/** One media stream of a call. Plain data and rules; sockets and packets are the plane's. */
export class Session {
  readonly id: SessionId;
  readonly callId: string;
  readonly fromTag: string;
  /** The callee's tag, as far as a command has told it; for logs only. */
  toTag: string | undefined;
  readonly createdAt: number;
  readonly legs: readonly [Leg, Leg];
  /** Reasons to live on after a D: one strong, and a weak one for each index of the lookup. */
  strong = false;
  readonly weak: [boolean, boolean] = [false, false];
  /** Who is told, and what, when the session times out; each `U` sets it anew. */
  notify: { readonly target: NotifyAddress; readonly tag: string } | undefined;
  /** What became of its media. */
  readonly truth = new MediaTruth();
  /** Sessions that are fed with copies of this one. */
  readonly forks = new Set<SessionId>();
  /** The session that this one is fed from. */
  fedBy: SessionId | undefined;
  /** What the proxy tells of the call (`H`); undefined: it does not speak of that. */
  stage: 'ringing' | 'answered' | undefined;
  /** Of a proxy that does not: the last `L` of a complete session, which may be the answer to a call that rang. */
  answeredAgainAt = Number.NEGATIVE_INFINITY;
  /** And the last `U` of a complete session that named no new address: a hold by `a=sendonly` looks like that. */
  offeredAgainAt = Number.NEGATIVE_INFINITY;
  /** Stream time-out; the set-up value counts until the second leg is open. */
  ttlSeconds: number;
  #setupTtlSeconds: number;
  readonly #ttlPerLeg: boolean;
  readonly #holdTtlMs: number;
  readonly #endsAt: number;

  constructor(now: number, origin: SessionOrigin, locals: readonly [LocalAddress, LocalAddress]) {
    this.id = origin.id;
    this.callId = origin.callId;
    this.fromTag = origin.fromTag;
    this.createdAt = now;
    this.ttlSeconds = origin.ttlSeconds;
    this.#setupTtlSeconds = origin.setupTtlSeconds;
    this.#ttlPerLeg = origin.ttlPerLeg;
    this.#holdTtlMs = origin.holdTtlSeconds * 1000;
    this.#endsAt = origin.maxLifetimeSeconds === 0 ? Number.POSITIVE_INFINITY : now + origin.maxLifetimeSeconds * 1000;
    this.legs = [newLeg(locals[0]), newLeg(locals[1])];
    this.refresh(now);
  }

  /** Both legs are open. */
  get complete(): boolean {
    return this.legs[0].port !== undefined && this.legs[1].port !== undefined;
  }

  get referenced(): boolean {
    return this.strong || this.weak[0] || this.weak[1];
  }

  /** Restarts the clock of both legs: a command found the session. */
  refresh(now: number): void {
    const expiresAt = now + this.#ttlMs;
    this.legs[0].expiresAt = expiresAt;
    this.legs[1].expiresAt = expiresAt;
  }

  /** Takes note of the last packet accepted on a leg; both legs share a clock unless each has its own. */
  packetSeen(side: Side, lastAcceptedAt: number): void {
    const leg = this.legs[side];
    if (lastAcceptedAt <= leg.seenAt) {
      return;
    }
    leg.seenAt = lastAcceptedAt;
    for (const target of this.#ttlPerLeg ? [leg] : this.legs) {
      target.expiresAt = Math.max(target.expiresAt, lastAcceptedAt + this.#ttlMs);
    }
  }

  /** The subcommand `S ttl=N`: in force at once, also before the session is complete. */
  setTtl(now: number, side: Side, seconds: number): void {
    this.ttlSeconds = seconds;
    this.#setupTtlSeconds = seconds;
    for (const leg of this.#ttlPerLeg ? [this.legs[side]] : this.legs) {
      leg.expiresAt = now + seconds * 1000;
    }
  }

  get expiresAt(): number {
    return Math.min(this.legs[0].expiresAt, this.legs[1].expiresAt);
  }

  /** One party has told the other to be quiet, so neither has to send. */
  get onHold(): boolean {
    return this.legs[0].onHold || this.legs[1].onHold;
  }

  /** Why the session is over; undefined: it is not. Hold is not seen in `expiresAt`, which `Q` tells as rtpproxy does. */
  overBecause(now: number): EndReason | undefined {
    if (now >= this.#endsAt) {
      return 'max-lifetime';
    }
    const graceMs = this.onHold ? Math.max(0, this.#holdTtlMs - this.#ttlMs) : 0;
    return now >= this.expiresAt + graceMs ? 'timeout' : undefined;
  }

  /** Parties whose clock has run out: who fell silent. */
  silentSides(now: number): Side[] {
    return ([0, 1] as const).filter((side) => this.legs[side].expiresAt <= now);
  }

  /** Whole seconds that remain, never negative. */
  remainingSeconds(now: number): number {
    return Math.max(0, Math.ceil((this.expiresAt - now) / 1000));
  }

  /** RTP ports, the one facing the caller first, for logs. */
  get ports(): readonly (number | undefined)[] {
    return [this.legs[1].port, this.legs[0].port];
  }

  get #ttlMs(): number {
    return (this.complete ? this.ttlSeconds : this.#setupTtlSeconds) * 1000;
  }
}

/** How a lookup found a session. `index` is 0 when the from argument is the creator, 1 when the to argument is. */
export interface Found {
  readonly session: Session;
  readonly index: Side;
}

/** The leg that faces the party named by the from argument. */
export function partySide({ index }: Found): Side {
  return otherSide(index);
}

function newLeg(local: LocalAddress): Leg {
  return {
    local,
    port: undefined,
    peer: undefined,
    asymmetric: false,
    onHold: false,
    symmetric: false,
    shunnedSsrc: undefined,
    codecs: undefined,
    packetMs: 0,
    tos: undefined,
    expiresAt: 0,
    tap: undefined,
    dtmf: undefined,
    player: undefined,
    seenAt: Number.NEGATIVE_INFINITY,
  };
}
