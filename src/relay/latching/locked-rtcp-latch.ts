import type { TransportAddress } from '../../wire/ip-address.ts';
import { isPlausibleRtcp, rtcpSsrcOf } from '../media/packet.ts';
import {
  type HeldPacket,
  isFrom,
  type Latch,
  NOTHING_HELD,
  type RtpLatch,
  type SourceRule,
  type Verdict,
} from './latch.ts';

/** RTCP comes every 5 s (RFC 3550 6.2); after two of them without a word the party may have moved. */
const SILENCE_MS = 10_000;

/**
 * RTCP never learns another host than that of RTP: a short RTCP packet from elsewhere must not steal the reports.
 * Before its own first packet the party is taken to listen one port above RTP.
 */
export class LockedRtcpLatch implements Latch {
  readonly #rtp: RtpLatch;
  readonly #isForbidden: SourceRule;
  #source: TransportAddress | undefined;
  #guess: TransportAddress | undefined;
  #generation = -1;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(rtp: RtpLatch, isForbidden: SourceRule) {
    this.#rtp = rtp;
    this.#isForbidden = isForbidden;
  }

  get remote(): TransportAddress | undefined {
    this.#followRtp();
    return this.#source ?? this.#guess;
  }

  admit(now: number, address: string, port: number, packet: Uint8Array): Verdict {
    this.#followRtp();
    if (isFrom(this.#source, address, port)) {
      this.#lastAt = now;
      return 'accepted';
    }
    const { signalled, source, asymmetric } = this.#rtp;
    const host = asymmetric ? signalled?.address : (source ?? signalled)?.address;
    const exact = signalled !== undefined && signalled.address === address && signalled.port + 1 === port;
    if (port === 0 || !isPlausibleRtcp(packet) || !(exact || host === address)) {
      return 'refused';
    }
    if (asymmetric) {
      return 'accepted';
    }
    const locked = this.#source !== undefined && !exact && now - this.#lastAt < SILENCE_MS;
    if (locked || this.#rtp.shuns(now, rtcpSsrcOf(packet)) || this.#isForbidden(address, port)) {
      return 'refused';
    }
    this.#source = { address, port };
    this.#lastAt = now;
    return 'latched';
  }

  takeHeld(): readonly HeldPacket[] {
    return NOTHING_HELD;
  }

  /** When RTP goes elsewhere, so does RTCP, and it learns its port anew. */
  #followRtp(): void {
    if (this.#generation !== this.#rtp.generation) {
      this.#generation = this.#rtp.generation;
      const rtp = this.#rtp.remote;
      this.#guess = rtp === undefined ? undefined : { address: rtp.address, port: (rtp.port + 1) & 0xffff };
      this.#source = undefined;
    }
  }
}
