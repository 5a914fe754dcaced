import { T1_MS, T2_MS } from '../transaction/timers.ts';

/**
 * When the UAS core repeats its 2xx until the ACK comes (RFC 3261 13.3.1.4): after T1, doubling up to T2, on every
 * transport; after 64*T1 it gives up, and the session is to be ended with BYE.
 */
export class AnswerRetransmission {
  #nextAt: number;
  #intervalMs = T1_MS;
  readonly #giveUpAt: number;

  constructor(now: number) {
    this.#nextAt = now + T1_MS;
    this.#giveUpAt = now + 64 * T1_MS;
  }

  nextTimeoutAt(): number {
    return Math.min(this.#nextAt, this.#giveUpAt);
  }

  handleTimeout(now: number): 'retransmit' | 'give-up' | undefined {
    if (now >= this.#giveUpAt) {
      return 'give-up';
    }
    if (now < this.#nextAt) {
      return undefined;
    }
    this.#intervalMs = Math.min(this.#intervalMs * 2, T2_MS);
    this.#nextAt = now + this.#intervalMs;
    return 'retransmit';
  }
}
