import type { TransportAddress } from '../../wire/ip-address.ts';
import {
  isPlausibleRtp,
  payloadTypeOf,
  sequenceDistance,
  sequenceNumberOf,
  ssrcOf,
  staticClockRateOf,
  timestampOf,
} from '../media/packet.ts';
import { isUnicast } from '../own-control.ts';
import type { PeerOrder } from '../plane.ts';
import { type Candidate, Candidates, isPaced, type Proof } from './candidates.ts';
import { type HeldPacket, isFrom, NOTHING_HELD, type RtpLatch, type SourceRule, type Verdict } from './latch.ts';
import {
  BETTER_PROOFS,
  EXACT,
  isThisHostOnly,
  isUnroutable,
  type Nearness,
  nearnessOf,
  OTHER_HOST,
  PROOFS,
} from './nearness.ts';

/** How long a changed address in signalling lets one new source in. */
const WINDOW_MS = 10_000;

/** A source of a host that signalling does not name replaces the believed one after this silence at the earliest. */
const MOVE_SILENCE_MS = 500;

/** A NAT that changes the port of a flow does it between two packets: five of 20 ms. */
const REBIND_SILENCE_MS = 100;

/** A sender that starts anew on another port, with another SSRC, has been away for this long. */
const RESTART_SILENCE_MS = 2000;

/** 5 s at 20 ms: how far the sequence may have moved on while the party changed its address. */
const MAX_SEQUENCE_STEP = 250;

/** A party that is heard on two paths in turn stays on each for this long, and moves so often in a call. */
const MOVE_INTERVAL_MS = 5000;
const MAX_MOVES = 8;

/** Wait after a probe that the believed source has ended by speaking again; doubles from one to the next. */
const FIRST_PENALTY_MS = 1000;
const MAX_PENALTY_MS = 30_000;

/** After a stranger was believed, this long another one who proves as much is reported. */
const CONTEST_MS = 10_000;

/** So long an old peer's SSRC is not believed: it has noticed by then, and there are phones that have only one SSRC. */
const SHUN_MS = 10_000;

export interface LockedLatchSettings {
  /** `strict`: hosts that signalling does not name are never learned from their packets alone. */
  readonly mode: 'safe' | 'strict' | 'rtpproxy';
  readonly hearsLoopback: boolean;
  readonly isForbidden: SourceRule;
}

/** What lets a source in, besides its proof: how long the believed one must have been silent. 0: it may go on. */
interface Rule {
  readonly proof: Proof;
  readonly silenceMs: number;
  /** Counts towards the limit of moves. */
  readonly isMove: boolean;
}

/**
 * Symmetric RTP with a lock.
 *
 * ```
 *             proof of its nearness                         a source that a rule lets try
 *   OPEN ──────────────────────────────► LATCHED ─────────────────────────────────────────► REPROBE
 *    │ ▲                                    ▲ ▲  the believed source speaks again; penalty      │
 *    └─┘ candidates (PROBE)                 │ └─────────────────────────────────────────────────┤
 *                                           └───────────────────────────────────────────────────┘
 *                                                                  proof: the new one is believed
 *
 *   nearness of a source         proof: packets, time          lets it try in OPEN
 *   0  exactly as signalled      1                             always
 *   1  host as signalled         3 over 30 ms                  always
 *   3  any other                 5 over 60 ms                  not in strict mode; only when the signalled address
 *                                                              cannot be reached, none is, or the command says S
 *
 *   rule in LATCHED              proof                         and the believed source
 *   nearer than the believed     one packet more               may go on; not within 5 s of a move
 *   a  rebind: its host, SSRC    1 packet                      silent for 100 ms
 *      and sequence; other port
 *   b  handover: other host,     5 over 60 ms                  silent for 500 ms; once in 5 s, 8 times a call
 *      its SSRC and sequence
 *   c  signalling has changed    that of its nearness          may go on; nearness 3: silent for 500 ms
 *      < 10 s ago: one winner
 *   e  restart: its host, other  5 over 60 ms                  silent for 2 s; not in strict mode
 *      port, other SSRC
 * ```
 *
 * A proof is a run of packets of one SSRC (`candidates.ts`). Until it is complete nothing is sent to that source and
 * nothing of it is passed on; then what was held back is delivered, so that neither is a word lost nor one packet of
 * a stranger heard. Everything else from another source is refused. Hold changes nothing. Until a source outside
 * signalling was learned, media goes where signalling says; afterwards it goes to that source until the next one
 * wins, so an address in a re-INVITE that is not reachable cannot silence a party behind a NAT.
 */
export class LockedRtpLatch implements RtpLatch {
  readonly #settings: LockedLatchSettings;
  readonly #candidates = new Candidates();
  #held: readonly HeldPacket[] = NOTHING_HELD;
  #signalled: TransportAddress | undefined;
  #source: TransportAddress | undefined;
  #remote: TransportAddress | undefined;
  #asymmetric = false;
  #symmetric = false;
  /** SSRC of the call that had this port before; whoever still sends it is not this party. -1: none. */
  #shunnedSsrc = -1;
  #shunnedUntil = Number.NEGATIVE_INFINITY;
  #generation = 0;
  /** The source was learned from a packet, and signalling does not name it. */
  #learned = false;
  #windowUntil = Number.NEGATIVE_INFINITY;
  #contestUntil = Number.NEGATIVE_INFINITY;
  #movedAt = Number.NEGATIVE_INFINITY;
  #moves = 0;
  /** When a source last tried in the silence of the believed one. */
  #probedAt = Number.NEGATIVE_INFINITY;
  #penaltyMs = FIRST_PENALTY_MS;
  #penaltyUntil = Number.NEGATIVE_INFINITY;

  /** Of the believed source's last packet. */
  #lastAt = Number.NEGATIVE_INFINITY;
  #ssrc = -1;
  #sequence = 0;
  #timestamp = 0;
  /** Time stamp units from one packet to the next; 0: not known. */
  #ticks = 0;

  constructor(settings: LockedLatchSettings) {
    this.#settings = settings;
  }

  get signalled(): TransportAddress | undefined {
    return this.#signalled;
  }

  get source(): TransportAddress | undefined {
    return this.#source;
  }

  get remote(): TransportAddress | undefined {
    return this.#remote;
  }

  get asymmetric(): boolean {
    return this.#asymmetric;
  }

  get generation(): number {
    return this.#generation;
  }

  shuns(now: number, ssrc: number): boolean {
    return ssrc === this.#shunnedSsrc && now < this.#shunnedUntil;
  }

  takeHeld(): readonly HeldPacket[] {
    const held = this.#held;
    this.#held = NOTHING_HELD;
    return held;
  }

  signal(now: number, { peer, asymmetric, symmetric = false, shunnedSsrc = -1 }: PeerOrder): void {
    this.#asymmetric = asymmetric;
    this.#symmetric = symmetric;
    if (shunnedSsrc !== this.#shunnedSsrc) {
      this.#shunnedSsrc = shunnedSsrc;
      this.#shunnedUntil = now + SHUN_MS;
    }
    if (peer !== undefined && !isFrom(this.#signalled, peer.address, peer.port)) {
      this.#signalled = peer;
      const moved = this.#source !== undefined && !isFrom(this.#source, peer.address, peer.port);
      this.#windowUntil = moved ? now + WINDOW_MS : Number.NEGATIVE_INFINITY;
      // An unreachable address cannot replace one that has proved to work (a phone behind a NAT, holding).
      this.#learned ||=
        moved && this.#isUnroutable(peer.address) && !this.#isUnroutable(this.#source?.address ?? peer.address);
    }
    this.#setRemote(this.#learned && !asymmetric ? this.#source : this.#signalled);
  }

  resume(source: TransportAddress, remote: TransportAddress): void {
    this.#source = source;
    const isHeard = isFrom(remote, source.address, source.port);
    this.#learned = isHeard && !isFrom(this.#signalled, source.address, source.port);
    this.#setRemote(this.#learned && !this.#asymmetric ? source : this.#signalled);
  }

  passed(at: number, sequence: number): void {
    if (at <= this.#lastAt) {
      return;
    }
    this.#lastAt = at;
    const step = sequenceDistance(this.#sequence, sequence);
    if (step > 0) {
      // What it will have been: the stream's own step was seen before.
      this.#timestamp = (this.#timestamp + step * this.#ticks) >>> 0;
      this.#sequence = sequence;
    }
  }

  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict {
    if (this.#asymmetric) {
      return this.#admitAsymmetric(address, port);
    }
    if (isFrom(this.#source, address, port)) {
      this.#note(now, packet);
      return 'accepted';
    }
    const nearness = nearnessOf(this.#signalled, address, port);
    if (nearness === EXACT && (this.#source === undefined || now < this.#windowUntil)) {
      // Whatever it is: fax over UDP, or what opens a NAT, is no RTP.
      return this.#latch(now, address, port, packet, nearness, NOTHING_HELD, false);
    }
    if (port === 0 || !isPlausibleRtp(packet)) {
      return 'refused';
    }
    const rule = this.#source === undefined ? this.#openRule(nearness) : this.#rule(now, nearness, address, packet);
    return rule === undefined
      ? this.#watchRival(now, address, port, packet, nearness)
      : this.#probe(now, address, port, packet, nearness, rule);
  }

  #admitAsymmetric(address: string, port: number): Verdict {
    if (this.#signalled?.address !== address) {
      return 'refused';
    }
    if (this.#source === undefined) {
      this.#source = { address, port };
    }
    return 'accepted';
  }

  #openRule(nearness: Nearness): Rule | undefined {
    return nearness === OTHER_HOST && !this.#strangersMayTry
      ? undefined
      : { proof: PROOFS[nearness], silenceMs: 0, isMove: false };
  }

  #rule(now: number, nearness: Nearness, address: string, packet: Uint8Array): Rule | undefined {
    const source = this.#source as TransportAddress;
    if (now < this.#windowUntil && (nearness !== OTHER_HOST || this.#strangersMayTry)) {
      const silenceMs = nearness === OTHER_HOST ? MOVE_SILENCE_MS : 0;
      return { proof: PROOFS[nearness], silenceMs, isMove: false };
    }
    const rested = now - this.#movedAt >= MOVE_INTERVAL_MS;
    if (nearness < nearnessOf(this.#signalled, source.address, source.port)) {
      return rested ? { proof: BETTER_PROOFS[nearness], silenceMs: 0, isMove: true } : undefined;
    }
    if (address === source.address) {
      if (this.#goesOn(now, packet)) {
        return { proof: PROOFS[EXACT], silenceMs: REBIND_SILENCE_MS, isMove: false };
      }
      const restarts = this.#settings.mode !== 'strict' && ssrcOf(packet) !== this.#ssrc;
      return restarts ? { proof: PROOFS[OTHER_HOST], silenceMs: RESTART_SILENCE_MS, isMove: true } : undefined;
    }
    const handsOver = rested && this.#moves < MAX_MOVES && this.#goesOn(now, packet);
    return handsOver ? { proof: PROOFS[OTHER_HOST], silenceMs: MOVE_SILENCE_MS, isMove: true } : undefined;
  }

  #probe(
    now: number,
    address: string,
    port: number,
    packet: Uint8Array,
    nearness: Nearness,
    { proof, silenceMs, isMove }: Rule,
  ): Verdict {
    const needsSilence = silenceMs > REBIND_SILENCE_MS;
    if (needsSilence && !this.#mayProbe(now)) {
      return 'refused';
    }
    const after = silenceMs > 0 ? this.#lastAt : Number.NEGATIVE_INFINITY;
    const candidate = this.#candidates.note(now, address, port, packet, nearness, after);
    const silent = now - this.#lastAt >= silenceMs;
    if (silent && this.#candidates.proves(candidate, proof) && this.#isEligible(now, candidate)) {
      return this.#latch(now, address, port, packet, nearness, candidate.held, isMove);
    }
    if (silent && needsSilence) {
      this.#probedAt = now;
    }
    this.#candidates.hold(candidate, now, packet);
    return 'refused';
  }

  /** Asked last, and once of who has proved the rest: it may cost something. */
  #isEligible(now: number, candidate: Candidate): boolean {
    if (this.shuns(now, candidate.ssrc)) {
      return false;
    }
    if (candidate.eligible === undefined) {
      const { address, port, nearness } = candidate;
      const { hearsLoopback, isForbidden } = this.#settings;
      const misplaced = nearness === OTHER_HOST && isThisHostOnly(address, hearsLoopback);
      candidate.eligible = !misplaced && isUnicast(address) && !isForbidden(address, port);
    }
    return candidate.eligible;
  }

  /** A probe that the believed source ended by speaking again costs everybody a wait, each time a longer one. */
  #mayProbe(now: number): boolean {
    if (this.#probedAt < this.#lastAt && this.#probedAt !== Number.NEGATIVE_INFINITY) {
      this.#probedAt = Number.NEGATIVE_INFINITY;
      this.#penaltyUntil = this.#lastAt + this.#penaltyMs;
      this.#penaltyMs = Math.min(MAX_PENALTY_MS, this.#penaltyMs * 2);
    }
    return now >= this.#penaltyUntil;
  }

  /** Nobody else is believed for now, but a second stranger with the same proof makes the first one doubtful. */
  #watchRival(now: number, address: string, port: number, packet: Uint8Array, nearness: Nearness): Verdict {
    if (now >= this.#contestUntil) {
      return 'refused';
    }
    const candidate = this.#candidates.note(now, address, port, packet, nearness);
    if (this.#candidates.proves(candidate, PROOFS[OTHER_HOST]) && this.#isEligible(now, candidate)) {
      this.#contestUntil = Number.NEGATIVE_INFINITY;
      return 'contested';
    }
    return 'refused';
  }

  get #strangersMayTry(): boolean {
    return (
      this.#settings.mode === 'safe' &&
      (this.#symmetric || this.#signalled === undefined || this.#isUnroutable(this.#signalled.address))
    );
  }

  #isUnroutable(address: string): boolean {
    return isUnroutable(address, this.#settings.hearsLoopback);
  }

  /** The believed source's stream goes on in this packet: SSRC, sequence, and time stamps by packets or by our clock. */
  #goesOn(now: number, packet: Uint8Array): boolean {
    const step = sequenceDistance(this.#sequence, sequenceNumberOf(packet));
    if (ssrcOf(packet) !== this.#ssrc || step <= 0 || step > MAX_SEQUENCE_STEP) {
      return false;
    }
    const ticks = (timestampOf(packet) - this.#timestamp) >>> 0;
    const expected = step * this.#ticks;
    const byPackets = expected === 0 || Math.abs(ticks - expected) * 2 <= expected;
    const clockRate = staticClockRateOf(payloadTypeOf(packet));
    return byPackets || (clockRate !== 0 && isPaced(ticks, now - this.#lastAt, clockRate));
  }

  #latch(
    now: number,
    address: string,
    port: number,
    packet: Uint8Array,
    nearness: Nearness,
    held: readonly HeldPacket[],
    isMove: boolean,
  ): Verdict {
    const isFirst = this.#source === undefined || now < this.#windowUntil;
    this.#source = { address, port };
    this.#learned = nearness !== EXACT;
    this.#held = held;
    this.#windowUntil = Number.NEGATIVE_INFINITY;
    this.#contestUntil = nearness === OTHER_HOST && isFirst ? now + CONTEST_MS : Number.NEGATIVE_INFINITY;
    this.#probedAt = Number.NEGATIVE_INFINITY;
    if (isMove) {
      this.#movedAt = now;
      this.#moves += 1;
    }
    this.#candidates.clear();
    this.#note(now, packet);
    this.#setRemote(this.#source);
    return 'latched';
  }

  #note(now: number, packet: Uint8Array): void {
    this.#lastAt = now;
    if (isPlausibleRtp(packet)) {
      const ssrc = ssrcOf(packet);
      const sequence = sequenceNumberOf(packet);
      const timestamp = timestampOf(packet);
      if (ssrc === this.#ssrc && sequence === ((this.#sequence + 1) & 0xffff)) {
        this.#ticks = (timestamp - this.#timestamp) >>> 0 || this.#ticks;
      }
      this.#ssrc = ssrc;
      this.#sequence = sequence;
      this.#timestamp = timestamp;
    }
  }

  #setRemote(remote: TransportAddress | undefined): void {
    if (remote?.address !== this.#remote?.address || remote?.port !== this.#remote?.port) {
      this.#remote = remote;
      this.#generation += 1;
    }
  }
}
