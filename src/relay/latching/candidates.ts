/**
 * Sources that are not believed yet. A packet of a stranger costs nothing to send, so a source that signalling did not
 * name has to keep up a stream, while nothing is sent to it.
 */
import { sequenceDistance, sequenceNumberOf, ssrcOf } from '../media/packet.ts';

/** Sources watched at a time. */
const MAX_CANDIDATES = 4;

/** Consecutive packets of one SSRC, over at least this time, ms. */
const PROOFS = {
  /** The signalled host, another port: a NAT changed it, and an outsider cannot send from there and see the answer. */
  'same-host': { packets: 3, spanMs: 0 },
  'other-host': { packets: 5, spanMs: 60 },
} as const;

/** Up to two packets may be lost between two that still count as consecutive. */
const MAX_STEP = 3;

/** After this silence, ms, a candidate is worth no more than a new one. */
const STALE_MS = 500;

export type Nearness = keyof typeof PROOFS;

interface Candidate {
  readonly address: string;
  readonly port: number;
  readonly nearness: Nearness;
  ssrc: number;
  sequence: number;
  /** Of the current run. */
  packets: number;
  firstAt: number;
  lastAt: number;
}

export class Candidates {
  readonly #watched: Candidate[] = [];

  /** Notes one plausible RTP packet; true: with it, its source has proved itself. */
  prove(now: number, address: string, port: number, packet: Uint8Array, nearness: Nearness): boolean {
    const ssrc = ssrcOf(packet);
    const sequence = sequenceNumberOf(packet);
    const known = this.#watched.find((other) => other.port === port && other.address === address);
    if (known === undefined || known.nearness !== nearness) {
      this.#watch(known, { address, port, nearness, ssrc, sequence, packets: 1, firstAt: now, lastAt: now });
      return false;
    }
    const step = sequenceDistance(known.sequence, sequence);
    const goesOn = ssrc === known.ssrc && step >= 1 && step <= MAX_STEP;
    known.packets = goesOn ? known.packets + 1 : 1;
    known.firstAt = goesOn ? known.firstAt : now;
    known.lastAt = now;
    known.ssrc = ssrc;
    known.sequence = sequence;
    const proof = PROOFS[nearness];
    return known.packets >= proof.packets && now - known.firstAt >= proof.spanMs;
  }

  clear(): void {
    this.#watched.length = 0;
  }

  #watch(replaced: Candidate | undefined, candidate: Candidate): void {
    const full = this.#watched.length >= MAX_CANDIDATES;
    const place = replaced ?? (full ? this.#weakest(candidate.lastAt) : undefined);
    if (place === undefined) {
      this.#watched.push(candidate);
    } else {
      this.#watched[this.#watched.indexOf(place)] = candidate;
    }
  }

  /** A flood of single packets from many sources must not push out one that keeps up a stream. */
  #weakest(now: number): Candidate | undefined {
    return this.#watched.reduce((weakest, other) => {
      const difference = strength(now, other) - strength(now, weakest);
      return difference < 0 || (difference === 0 && other.lastAt < weakest.lastAt) ? other : weakest;
    });
  }
}

function strength(now: number, { nearness, packets, lastAt }: Candidate): number {
  if (now - lastAt > STALE_MS) {
    return 0;
  }
  return nearness === 'same-host' ? PROOFS['other-host'].packets + packets : packets;
}
