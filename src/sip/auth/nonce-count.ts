import { OldestFirst } from '../../wire/oldest-first.ts';
import { ownText } from '../../wire/own-text.ts';

interface Use {
  /** The running number of the nonce. */
  readonly sequence: number;
  highest: number;
  /** Bit n: the count `highest - n` has been seen. */
  seen: number;
}

/** How far behind the highest count a request may arrive: requests overtake each other over UDP. */
const WINDOW = 32;

/**
 * Which nonce counts have been used (RFC 7616 3.4 `nc`): each is good for one request. Bounded: when it overflows, the
 * longest unused entry goes, and every older nonce that is not remembered counts as used up, so that forgetting never
 * lets a replay in.
 */
export class NonceCounts {
  readonly #maxEntries: number;
  /** By nonce, the longest unused first. */
  readonly #uses = new OldestFirst<string, Use>();
  #forgottenUpTo = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#uses.size;
  }

  /** Marks the count as used. False: it has been used before, or too long ago to tell. */
  accept(key: string, sequence: number, count: number): boolean {
    const use = this.#uses.get(key);
    if (use === undefined) {
      return this.#begin(key, sequence, count);
    }
    const ahead = count - use.highest;
    if (ahead > 0) {
      use.seen = ahead >= WINDOW ? 1 : ((use.seen << ahead) | 1) >>> 0;
      use.highest = count;
    } else {
      const bit = 1 << -ahead;
      if (-ahead >= WINDOW || (use.seen & bit) !== 0) {
        return false;
      }
      use.seen = (use.seen | bit) >>> 0;
    }
    this.#uses.set(key, use);
    return true;
  }

  #begin(key: string, sequence: number, count: number): boolean {
    if (sequence <= this.#forgottenUpTo) {
      return false;
    }
    const oldest = this.#uses.size >= this.#maxEntries ? this.#uses.oldest() : undefined;
    if (oldest !== undefined) {
      const [forgotten, use] = oldest;
      this.#uses.delete(forgotten);
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, use.sequence);
    }
    this.#uses.set(ownText(key), { sequence, highest: count, seen: 1 });
    return true;
  }
}
