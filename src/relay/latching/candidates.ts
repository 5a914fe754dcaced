/**
 * Sources that are not believed yet. A packet of a stranger costs nothing to send, so a source that signalling did not
 * name has to keep up a stream at the pace of speech, while nothing is sent to it.
 */
import {
  payloadTypeOf,
  sequenceDistance,
  sequenceNumberOf,
  ssrcOf,
  staticClockRateOf,
  timestampOf,
} from '../media/packet.ts';
import type { HeldPacket } from './latch.ts';

/** Sources watched at a time. */
const MAX_CANDIDATES = 4;

/** Up to two packets may be lost between two that still count as consecutive. */
const MAX_STEP = 3;

/** After this silence, ms, a candidate is worth no more than a new one. */
const STALE_MS = 500;

/** Packets kept of a candidate, and the longest that is: room for every audio packet, none for a flood. */
const MAX_HELD = 5;
const MAX_HELD_BYTES = 1500;

/** Time stamps may run at between half and twice the speed of our clock: jitter, bursts, a stalled sender. */
const MAX_PACE = 2;

/** What a run of packets has to show. */
export interface Proof {
  readonly packets: number;
  readonly spanMs: number;
}

export interface Candidate {
  readonly address: string;
  readonly port: number;
  /** 0 is the best: see `nearness.ts`. */
  readonly nearness: number;
  ssrc: number;
  sequence: number;
  /** Of the current run. */
  packets: number;
  firstAt: number;
  lastAt: number;
  firstTimestamp: number;
  lastTimestamp: number;
  /** Hz of the run's payload types; 0: not known, or not the same all along. */
  clockRate: number;
  held: HeldPacket[];
  /** Whether it may be believed at all; undefined: nobody has asked yet. */
  eligible: boolean | undefined;
}

export class Candidates {
  readonly #watched: Candidate[] = [];

  /**
   * Notes one plausible RTP packet. A run that began before `notBefore` begins anew: the believed source has spoken
   * since.
   */
  note(
    now: number,
    address: string,
    port: number,
    packet: Uint8Array,
    nearness: number,
    notBefore = Number.NEGATIVE_INFINITY,
  ): Candidate {
    const known = this.#watched.find((other) => other.port === port && other.address === address);
    if (known === undefined || known.nearness !== nearness) {
      const candidate = newCandidate(now, address, port, packet, nearness);
      this.#watch(known, candidate);
      return candidate;
    }
    const sequence = sequenceNumberOf(packet);
    const step = sequenceDistance(known.sequence, sequence);
    const goesOn = ssrcOf(packet) === known.ssrc && step >= 1 && step <= MAX_STEP && known.firstAt >= notBefore;
    if (goesOn) {
      known.packets += 1;
      known.sequence = sequence;
      known.lastAt = now;
      known.lastTimestamp = timestampOf(packet);
      known.clockRate = staticClockRateOf(payloadTypeOf(packet)) === known.clockRate ? known.clockRate : 0;
    } else {
      Object.assign(known, newCandidate(now, address, port, packet, nearness));
    }
    return known;
  }

  /** Whether the candidate's run is proof enough. One that is long enough, but not at the pace of time, begins anew. */
  proves(candidate: Candidate, { packets, spanMs }: Proof): boolean {
    if (candidate.packets < packets || candidate.lastAt - candidate.firstAt < spanMs) {
      return false;
    }
    if (keepsPace(candidate)) {
      return true;
    }
    candidate.packets = 1;
    candidate.firstAt = candidate.lastAt;
    candidate.firstTimestamp = candidate.lastTimestamp;
    return false;
  }

  /** Keeps a packet that is not believed, for the case that its source will be. */
  hold(candidate: Candidate, now: number, packet: Uint8Array): void {
    if (packet.length <= MAX_HELD_BYTES) {
      candidate.held.push({ at: now, packet: new Uint8Array(packet) });
      if (candidate.held.length > MAX_HELD) {
        candidate.held.shift();
      }
    }
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

  /**
   * The stalest of the least believable: a flood of single packets from many sources must not push out one that keeps
   * up a stream, nor one that signalling names.
   */
  #weakest(now: number): Candidate | undefined {
    return this.#watched.reduce((weakest, other) => {
      const difference = strength(now, other) - strength(now, weakest);
      return difference < 0 || (difference === 0 && other.lastAt < weakest.lastAt) ? other : weakest;
    });
  }
}

function strength(now: number, { nearness, packets, lastAt }: Candidate): number {
  return now - lastAt > STALE_MS ? 0 : Math.min(packets, 100) - nearness * 100 + 1000;
}

function newCandidate(now: number, address: string, port: number, packet: Uint8Array, nearness: number): Candidate {
  const timestamp = timestampOf(packet);
  return {
    address,
    port,
    nearness,
    ssrc: ssrcOf(packet),
    sequence: sequenceNumberOf(packet),
    packets: 1,
    firstAt: now,
    lastAt: now,
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
    clockRate: staticClockRateOf(payloadTypeOf(packet)),
    held: [],
    eligible: undefined,
  };
}

function keepsPace({ firstAt, lastAt, firstTimestamp, lastTimestamp, clockRate }: Candidate): boolean {
  return clockRate === 0 || isPaced((lastTimestamp - firstTimestamp) >>> 0, lastAt - firstAt, clockRate);
}

/** Whether so many ticks of an RTP clock go with so many milliseconds. */
export function isPaced(ticks: number, elapsedMs: number, clockRateHz: number): boolean {
  const advanceMs = (ticks * 1000) / clockRateHz;
  return advanceMs <= elapsedMs * MAX_PACE && advanceMs * MAX_PACE >= elapsedMs;
}
