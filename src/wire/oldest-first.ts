interface Place<Key, Value> {
  readonly key: Key;
  readonly value: Value;
  /** The entry has moved to another place, or gone. */
  isLeft: boolean;
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
    return this.#places.get(key)?.value;
  }

  has(key: Key): boolean {
    return this.#places.has(key);
  }

  /** The entry is the youngest from now on. */
  set(key: Key, value: Value): void {
    this.#leave(this.#places.get(key));
    const place = { key, value, isLeft: false };
    this.#places.set(key, place);
    this.#order.push(place);
    if (this.#order.length > 2 * this.#places.size + SPARE_PLACES) {
      this.#order = this.#order.filter(({ isLeft }) => !isLeft);
      this.#front = 0;
    }
  }

  /** False: there was none. */
  delete(key: Key): boolean {
    this.#leave(this.#places.get(key));
    return this.#places.delete(key);
  }

  /** Undefined: it is empty. */
  oldest(): readonly [Key, Value] | undefined {
    for (; this.#front < this.#order.length; this.#front += 1) {
      const { key, value, isLeft } = this.#order[this.#front] as Place<Key, Value>;
      if (!isLeft) {
        return [key, value];
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
  *[Symbol.iterator](): Generator<[Key, Value]> {
    for (const place of this.#order.slice(this.#front)) {
      if (!place.isLeft) {
        yield [place.key, place.value];
      }
    }
  }

  #leave(place: Place<Key, Value> | undefined): void {
    if (place !== undefined) {
      place.isLeft = true;
    }
  }
}
