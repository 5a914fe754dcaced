import { MAX_COMMAND_BYTES } from '../rtpp/words.ts';
import type { RtppOutcome } from './outcome.ts';
import type { RetryPolicy, RtppClientOptions } from './policy.ts';

/** Names one `request()` of one client. */
export type RequestId = number;

/** The last word on a request; follows each request exactly once. */
export interface Settled {
  readonly kind: 'settled';
  readonly id: RequestId;
  readonly outcome: RtppOutcome;
}

/** What comes of a call of `request`: the outcome is among the effects of this or of a later call. */
export interface Requested<Effect> {
  readonly id: RequestId;
  readonly effects: Effect[];
}

export interface Accepted {
  readonly id: RequestId;
  readonly bytes: Uint8Array;
  readonly policy: RetryPolicy;
}

/** Where requests get their number, and some their refusal, whatever the transport. */
export class Intake {
  readonly #options: RtppClientOptions;
  readonly #encoder = new TextEncoder();
  #lastId: RequestId = 0;
  #closed = false;

  constructor(options: RtppClientOptions) {
    this.#options = options;
  }

  /** Later requests are settled at once. */
  close(): void {
    this.#closed = true;
  }

  /**
   * @param frame makes of a command what goes over the wire
   * @param inFlight requests without an outcome
   */
  take<Effect>(
    inFlight: number,
    frame: (id: RequestId) => string,
    retry: Partial<RetryPolicy>,
    send: (accepted: Accepted) => Effect[],
  ): Requested<Effect | Settled> {
    const id = ++this.#lastId;
    const bytes = this.#encoder.encode(frame(id));
    const refusal = this.#refusal(inFlight, bytes.length);
    return {
      id,
      effects:
        refusal === undefined
          ? send({ id, bytes, policy: { ...this.#options.retry, ...retry } })
          : [{ kind: 'settled', id, outcome: refusal }],
    };
  }

  #refusal(inFlight: number, length: number): RtppOutcome | undefined {
    if (this.#closed) {
      return { kind: 'closed' };
    }
    if (inFlight >= this.#options.maxInFlight) {
      return { kind: 'rejected', reason: 'too-many-in-flight' };
    }
    return length > MAX_COMMAND_BYTES ? { kind: 'rejected', reason: 'too-long' } : undefined;
  }
}
