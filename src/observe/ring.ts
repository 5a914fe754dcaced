/** The last of many things, bounded by number and by size, for those who come later; and a place to wait for the next. */
export interface RingLimits {
  readonly count: number;
  /** Sum of the items' sizes. */
  readonly size: number;
}

export class Ring<T> {
  readonly #limits: RingLimits;
  readonly #sizeOf: (item: T) => number;
  readonly #followers = new Set<(item: T) => void>();
  readonly #items: T[] = [];
  #size = 0;

  constructor(limits: RingLimits, sizeOf: (item: T) => number) {
    this.#limits = limits;
    this.#sizeOf = sizeOf;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#size += this.#sizeOf(item);
    while (this.#items.length > this.#limits.count || this.#size > this.#limits.size) {
      const [oldest] = this.#items.splice(0, 1);
      this.#size -= oldest === undefined ? this.#size : this.#sizeOf(oldest);
    }
    for (const follower of this.#followers) {
      follower(item);
    }
  }

  /** What is kept, the oldest first. */
  recent(): readonly T[] {
    return this.#items.slice();
  }

  /** Calls the follower with every item from now on; returns what ends that. */
  follow(follower: (item: T) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
