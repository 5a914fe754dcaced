/** Undefined once the entry has moved to another place, or gone. */
interface Place<Key, Value> {
  entry: readonly [Key, Value] | undefined;
}

/** Places that may be empty before the order is written anew, whatever it holds. */
const SPARE_PLACES = 64;

/**
 * A map that forgets: entries in the order in which they were set last, of which the oldest is found at once, however
 * many have gone before it. (A Map walks over what was deleted from its front whenever its first key is asked for.)
 */
export class OldestFirst<Key, Value> {
  readonly #places = new Map<Key, Place<Key, Value>>();
  #order: Place<Key, Value>[] = [];
  /** No entry is before this place of the order. */
  #front = 0;

  get size(): number {
    return this.#places.size;
  }

  get(key: Key): Value | undefined {
    return this.#places.get(key)?.entry?.[1];
  }

  has(key: Key): boolean {
    return this.#places.has(key);
  }

  /** The entry is the youngest from now on. */
  set(key: Key, value: Value): void {
    this.#leave(this.#places.get(key));
    const place = { entry: [key, value] as const };
    this.#places.set(key, place);
    this.#order.push(place);
    this.#tidy();
  }

  /** False: there was none. */
  delete(key: Key): boolean {
    this.#leave(this.#places.get(key));
    const isGone = this.#places.delete(key);
    this.#tidy();
    return isGone;
  }

  /** Undefined: it is empty. */
  oldest(): readonly [Key, Value] | undefined {
    for (; this.#front < this.#order.length; this.#front += 1) {
      const entry = this.#order[this.#front]?.entry;
      if (entry !== undefined) {
        return entry;
      }
    }
    return undefined;
  }

  /** Forgets the oldest until there are at most so many. */
  shrinkTo(most: number): void {
    while (this.#places.size > most) {
      this.delete((this.oldest() as readonly [Key, Value])[0]);
    }
  }

  /** From the oldest to the youngest; entries may be set and deleted meanwhile, and what is set then is not met. */
  *[Symbol.iterator](): Generator<readonly [Key, Value]> {
    for (const { entry } of this.#order.slice(this.#front)) {
      if (entry !== undefined) {
        yield entry;
      }
    }
  }

  #leave(place: Place<Key, Value> | undefined): void {
    if (place !== undefined) {
      place.entry = undefined;
    }
  }

  /** Each time that most places are empty, so that on average no step costs more than a few. */
  #tidy(): void {
    if (this.#order.length > 2 * this.#places.size + SPARE_PLACES) {
      this.#order = this.#order.filter(({ entry }) => entry !== undefined);
      this.#front = 0;
    }
  }
}
