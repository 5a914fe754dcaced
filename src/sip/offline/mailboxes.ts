/** Messages for users who cannot be reached: bounded for each of them and in all, in the order in which they came. */

/** A MESSAGE that has been taken for somebody. */
export interface KeptMessage {
  readonly id: string;
  /** Whom it is for. */
  readonly aor: string;
  /** The request as it came, with a Date. */
  readonly bytes: Uint8Array;
  /** After this instant nobody wants it any more; monotonic ms. */
  readonly expiresAt: number;
}

export interface MailboxLimits {
  /** Messages that wait for one user; 0: none is taken for anybody. */
  readonly perUser: number;
  /** How long one waits at most, milliseconds. */
  readonly keepMs: number;
}

/** Of all that wait. */
const MAX_BYTES = 16 << 20;

export class Mailboxes {
  #limits: MailboxLimits;
  readonly #byUser = new Map<string, KeptMessage[]>();
  #bytes = 0;

  constructor(limits: MailboxLimits) {
    this.#limits = limits;
  }

  get limits(): MailboxLimits {
    return this.#limits;
  }

  /** What waits already stays. */
  reconfigure(limits: MailboxLimits): void {
    this.#limits = limits;
  }

  /** False: there is no room. */
  put(message: KeptMessage): boolean {
    const waiting = this.#byUser.get(message.aor) ?? [];
    if (waiting.length >= this.#limits.perUser || this.#bytes + message.bytes.length > MAX_BYTES) {
      return false;
    }
    waiting.push(message);
    this.#byUser.set(message.aor, waiting);
    this.#bytes += message.bytes.length;
    return true;
  }

  /** The oldest one for a user. */
  first(aor: string): KeptMessage | undefined {
    return this.#byUser.get(aor)?.[0];
  }

  /** False: it was gone already. */
  remove({ aor, id }: KeptMessage): boolean {
    const waiting = this.#byUser.get(aor);
    const at = waiting?.findIndex((message) => message.id === id) ?? -1;
    if (waiting === undefined || at < 0) {
      return false;
    }
    this.#bytes -= waiting.splice(at, 1)[0]?.bytes.length ?? 0;
    if (waiting.length === 0) {
      this.#byUser.delete(aor);
    }
    return true;
  }

  /** Takes out what has waited too long. */
  expire(now: number): KeptMessage[] {
    const expired = [...this.all()].filter(({ expiresAt }) => expiresAt <= now);
    for (const message of expired) {
      this.remove(message);
    }
    return expired;
  }

  *all(): Iterable<KeptMessage> {
    for (const waiting of this.#byUser.values()) {
      yield* waiting;
    }
  }
}
