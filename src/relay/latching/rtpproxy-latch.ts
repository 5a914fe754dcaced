/**
 * How rtpproxy 3 learns addresses, mistakes included, for those who compare or depend on it: the first packet of
 * anybody is believed, and for 10 s after a command about a known party so is any RTP packet of anybody (CVE-2017-14114).
 */
import type { TransportAddress } from '../../wire/ip-address.ts';
import { hasRtpHeader, sequenceDistance, sequenceNumberOf, ssrcOf } from '../media/packet.ts';
import type { PeerOrder } from '../plane.ts';
import {
  type HeldPacket,
  isFrom,
  type Latch,
  NOTHING_HELD,
  type RtpLatch,
  type SourceRule,
  type Verdict,
} from './latch.ts';

const WINDOW_MS = 10_000;

/** A source that moves within this many sequence numbers, with its SSRC, is followed. */
const MAX_SEQUENCE_STEP = 536;

/** How often the remembered sequence number follows the stream. */
const REFRESH_MS = 1000;

/** One component of one leg. `remote` is both where media goes and who is believed. */
class AddressState {
  remote: TransportAddress | undefined;
  /** Learned from a packet: signalling never overwrites it. */
  untrusted = false;
  latched = false;
  asymmetric = false;
  #previous: TransportAddress | undefined;
  #updatedAt = Number.NEGATIVE_INFINITY;
  #ssrc: number | undefined;
  #sequence = 0;
  #sequenceAt = Number.NEGATIVE_INFINITY;
  /** Of the last accepted packet. */
  #lastSsrc: number | undefined;
  readonly #isRtp: boolean;
  readonly #isForbidden: SourceRule;

  constructor(isRtp: boolean, isForbidden: SourceRule) {
    this.#isRtp = isRtp;
    this.#isForbidden = isForbidden;
  }

  prefill(now: number, peer: TransportAddress | undefined, asymmetric: boolean): void {
    if (peer !== undefined) {
      if (this.remote !== undefined) {
        this.#updatedAt = now;
      }
      if (!this.untrusted && !isFrom(this.remote, peer.address, peer.port)) {
        this.#previous = this.latched ? (this.remote ?? this.#previous) : this.#previous;
        this.remote = peer;
      }
    }
    this.asymmetric = asymmetric;
    this.latched ||= asymmetric;
  }

  /** What another state of this leg had learned. */
  resume(remote: TransportAddress): void {
    this.untrusted = !isFrom(this.remote, remote.address, remote.port);
    this.remote = remote;
    this.latched = true;
  }

  /** Packets of the stream that is followed went on elsewhere. */
  passed(at: number, sequence: number): void {
    if (this.#ssrc !== undefined && this.#ssrc === this.#lastSsrc && at > this.#sequenceAt) {
      this.#sequence = sequence;
      this.#sequenceAt = at;
    }
  }

  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict {
    const verdict = this.#judge(now, address, port, packet);
    if (this.#isRtp && verdict !== 'refused' && hasRtpHeader(packet)) {
      this.#follow(now, packet);
    }
    return verdict;
  }

  #judge(now: number, address: string, port: number, packet: Uint8Array): Verdict {
    if (this.remote === undefined) {
      return this.#learn(address, port);
    }
    if (this.asymmetric) {
      return this.remote.address === address ? 'accepted' : 'refused';
    }
    if (isFrom(this.remote, address, port)) {
      if (!this.latched) {
        this.#latch(now, packet);
      }
      return 'accepted';
    }
    if (this.#isForbidden(address, port)) {
      return 'refused';
    }
    if (!this.latched) {
      this.#latch(now, packet);
    } else if (!this.#overrides(now, packet)) {
      return 'refused';
    }
    return this.#learn(address, port);
  }

  #learn(address: string, port: number): Verdict {
    if (port === 0 || this.#isForbidden(address, port)) {
      return 'refused';
    }
    this.untrusted = true;
    this.remote = { address, port };
    if (!isFrom(this.#previous, address, port)) {
      this.latched = true;
    }
    return 'latched';
  }

  #latch(now: number, packet: Uint8Array): void {
    if (now - this.#updatedAt < WINDOW_MS) {
      return;
    }
    this.#ssrc = this.#isRtp && hasRtpHeader(packet) ? ssrcOf(packet) : undefined;
    this.#sequence = sequenceNumberOf(packet);
    this.#sequenceAt = now;
    this.latched = this.#ssrc !== 0;
  }

  #overrides(now: number, packet: Uint8Array): boolean {
    if (this.#ssrc === undefined || !hasRtpHeader(packet)) {
      return false;
    }
    const sequence = sequenceNumberOf(packet);
    const isSameStream =
      ssrcOf(packet) === this.#ssrc && Math.abs(sequenceDistance(this.#sequence, sequence)) <= MAX_SEQUENCE_STEP;
    if (now - this.#updatedAt >= WINDOW_MS && !isSameStream) {
      return false;
    }
    this.#sequence = sequence;
    this.#sequenceAt = now;
    return true;
  }

  /** An accepted packet shows where the stream is, or that there is another one. */
  #follow(now: number, packet: Uint8Array): void {
    if (ssrcOf(packet) !== this.#lastSsrc && this.#lastSsrc !== undefined) {
      this.#latch(now, packet);
    } else if (ssrcOf(packet) === this.#ssrc && now - this.#sequenceAt >= REFRESH_MS) {
      this.#sequence = sequenceNumberOf(packet);
      this.#sequenceAt = now;
    }
    this.#lastSsrc = ssrcOf(packet);
  }
}

export class RtpproxyRtpLatch implements RtpLatch {
  readonly #state: AddressState;
  #signalled: TransportAddress | undefined;
  #generation = 0;
  #rtcp: RtpproxyRtcpLatch | undefined;

  constructor(isForbidden: SourceRule) {
    this.#state = new AddressState(true, isForbidden);
  }

  get remote(): TransportAddress | undefined {
    return this.#state.remote;
  }

  /** Whoever media goes to is believed. */
  get source(): TransportAddress | undefined {
    return this.#state.latched || this.#state.untrusted ? this.#state.remote : undefined;
  }

  get signalled(): TransportAddress | undefined {
    return this.#signalled;
  }

  get asymmetric(): boolean {
    return this.#state.asymmetric;
  }

  get generation(): number {
    return this.#generation;
  }

  shuns(): boolean {
    return false;
  }

  /** RTCP is told what RTP is told and learns. */
  attach(rtcp: RtpproxyRtcpLatch): void {
    this.#rtcp = rtcp;
  }

  signal(now: number, { peer, asymmetric }: PeerOrder): void {
    this.#signalled = peer ?? this.#signalled;
    this.#state.prefill(now, peer, asymmetric);
    this.#rtcp?.prefill(now, peer, asymmetric);
    this.#generation += 1;
  }

  passed(at: number, sequence: number): void {
    this.#state.passed(at, sequence);
  }

  resume(_source: TransportAddress, remote: TransportAddress): void {
    this.#state.resume(remote);
  }

  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict {
    const verdict = this.#state.admit(now, address, port, packet);
    if (verdict === 'latched') {
      this.#generation += 1;
      this.#rtcp?.guess(address, port);
    }
    return verdict;
  }

  takeHeld(): readonly HeldPacket[] {
    return NOTHING_HELD;
  }
}

export class RtpproxyRtcpLatch implements Latch {
  readonly #state: AddressState;

  constructor(rtp: RtpproxyRtpLatch, isForbidden: SourceRule) {
    this.#state = new AddressState(false, isForbidden);
    rtp.attach(this);
  }

  get remote(): TransportAddress | undefined {
    return this.#state.remote;
  }

  prefill(now: number, peer: TransportAddress | undefined, asymmetric: boolean): void {
    this.#state.prefill(now, peer === undefined ? undefined : portAbove(peer), asymmetric);
  }

  /** RTP was learned: where nothing better is known, RTCP is one port above it. */
  guess(address: string, port: number): void {
    if (this.#state.remote?.address !== address) {
      this.#state.remote = portAbove({ address, port });
      this.#state.latched = this.#state.asymmetric;
    }
  }

  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict {
    return this.#state.admit(now, address, port, packet);
  }

  takeHeld(): readonly HeldPacket[] {
    return NOTHING_HELD;
  }
}

function portAbove({ address, port }: TransportAddress): TransportAddress {
  return { address, port: (port + 1) & 0xffff };
}
