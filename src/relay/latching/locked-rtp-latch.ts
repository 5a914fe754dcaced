import { isPrivate, type TransportAddress } from '../../wire/ip-address.ts';
import { isPlausibleRtp, sequenceDistance, sequenceNumberOf, ssrcOf } from '../media/packet.ts';
import { isUnicast } from '../own-control.ts';
import type { PeerOrder } from '../plane.ts';
import { Candidates } from './candidates.ts';
import { isFrom, type RtpLatch, type SourceRule, type Verdict } from './latch.ts';

/** How long a changed address in signalling lets one new source in. */
const WINDOW_MS = 10_000;

/** In that time a source that was not signalled gets in only when the latched one has been silent this long. */
const WINDOW_SILENCE_MS = 500;

/** A NAT that changes the port of a flow does it between two packets: five of 20 ms. */
const REBIND_SILENCE_MS = 100;

/** 5 s at 20 ms: how far the sequence may have moved on while a NAT rebound the port. */
const REBIND_MAX_STEP = 250;

/**
 * Symmetric RTP with a lock.
 *
 * ```
 *            exact signalled address, or a proof
 *   OPEN ─────────────────────────────────────► LATCHED ◄─┐ a new source, for one of:
 *                                                  │      │  - it is exactly the signalled address
 *                                                  └──────┘  - a proof from the signalled host, while a source of
 *                                                              another host is latched
 *                                                            - a proof, when signalling changed < 10 s ago and the
 *                                                              latched source is silent: one winner
 *                                                            - same host, SSRC and sequence (NAT rebind)
 * ```
 *
 * A proof is a run of packets (`candidates.ts`), which are refused until it is complete, so that one packet of a
 * stranger neither is heard nor draws the media of a party that listens in silence. Everything else from another
 * source is refused. Hold changes nothing. Until a source outside signalling was
 * learned, media goes where signalling says; afterwards it goes to that source until the next one wins, so an
 * address in a re-INVITE that is not reachable cannot silence a party behind a NAT.
 */
export class LockedRtpLatch implements RtpLatch {
  readonly #isForbidden: SourceRule;
  readonly #candidates = new Candidates();
  #signalled: TransportAddress | undefined;
  #source: TransportAddress | undefined;
  #remote: TransportAddress | undefined;
  #asymmetric = false;
  #generation = 0;
  /** The source was learned from a packet, and signalling does not name it. */
  #learned = false;
  #windowUntil = Number.NEGATIVE_INFINITY;
  /** Of the latched source's last packet. */
  #lastAt = Number.NEGATIVE_INFINITY;
  #ssrc = -1;
  #sequence = 0;

  constructor(isForbidden: SourceRule) {
    this.#isForbidden = isForbidden;
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

  signal(now: number, { peer, asymmetric }: PeerOrder): void {
    this.#asymmetric = asymmetric;
    if (peer !== undefined && !isFrom(this.#signalled, peer.address, peer.port)) {
      this.#signalled = peer;
      const moved = this.#source !== undefined && !isFrom(this.#source, peer.address, peer.port);
      this.#windowUntil = moved ? now + WINDOW_MS : Number.NEGATIVE_INFINITY;
      // A private address cannot replace a public one that has proved to work (a phone behind a NAT, holding).
      this.#learned ||= moved && isPrivate(peer.address) && !isPrivate(this.#source?.address ?? peer.address);
    }
    this.#setRemote(this.#learned && !asymmetric ? this.#source : this.#signalled);
  }

  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict {
    if (this.#asymmetric) {
      return this.#admitAsymmetric(address, port);
    }
    if (isFrom(this.#source, address, port)) {
      this.#note(now, packet);
      return 'accepted';
    }
    if (isFrom(this.#signalled, address, port)) {
      return this.#latch(now, address, port, packet, false);
    }
    return this.#mayLearn(now, address, port, packet) ? this.#latch(now, address, port, packet, true) : 'refused';
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

  #mayLearn(now: number, address: string, port: number, packet: Uint8Array): boolean {
    if (port === 0 || !isPlausibleRtp(packet) || !isUnicast(address) || this.#isForbidden(address, port)) {
      return false;
    }
    if (this.#isRebound(now, address, packet)) {
      return true;
    }
    const signalledHost = this.#signalled?.address;
    const nearness = address === signalledHost ? 'same-host' : 'other-host';
    const open =
      this.#source === undefined ||
      (nearness === 'same-host' && this.#source.address !== signalledHost) ||
      (now < this.#windowUntil && now - this.#lastAt >= WINDOW_SILENCE_MS);
    return open && this.#candidates.prove(now, address, port, packet, nearness);
  }

  /** A NAT gave the latched source another port: the stream goes on after a pause. */
  #isRebound(now: number, address: string, packet: Uint8Array): boolean {
    if (this.#source === undefined) {
      return false;
    }
    const silentMs = now - this.#lastAt;
    const step = sequenceDistance(this.#sequence, sequenceNumberOf(packet));
    return (
      address === this.#source.address &&
      ssrcOf(packet) === this.#ssrc &&
      step > 0 &&
      step <= REBIND_MAX_STEP &&
      silentMs >= REBIND_SILENCE_MS
    );
  }

  #latch(now: number, address: string, port: number, packet: Uint8Array, learned: boolean): Verdict {
    this.#source = { address, port };
    this.#learned = learned;
    this.#windowUntil = Number.NEGATIVE_INFINITY;
    this.#candidates.clear();
    this.#note(now, packet);
    this.#setRemote(this.#source);
    return 'latched';
  }

  #note(now: number, packet: Uint8Array): void {
    this.#lastAt = now;
    if (isPlausibleRtp(packet)) {
      this.#ssrc = ssrcOf(packet);
      this.#sequence = sequenceNumberOf(packet);
    }
  }

  #setRemote(remote: TransportAddress | undefined): void {
    if (remote?.address !== this.#remote?.address || remote?.port !== this.#remote?.port) {
      this.#remote = remote;
      this.#generation += 1;
    }
  }
}
