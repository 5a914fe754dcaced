/**
 * Named instants in a binary heap: the earliest one in O(1), setting and clearing in O(log n). An engine with
 * thousands of calls answers `nextTimeoutAt()` from it without looking at each of them.
 */
export class Deadlines<Key> {
  #heap: { readonly key: Key; readonly at: number }[] = [];
  /** The instant in force; a heap entry that disagrees with it is stale and skipped when it surfaces. */
  readonly #atByKey = new Map<Key, number>();

  get size(): number {
    return this.#atByKey.size;
  }

  /** Sets or moves a deadline. `Infinity` clears it. */
  set(key: Key, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.#atByKey.delete(key);
      return;
    }
    if (this.#atByKey.get(key) === at) {
      return;
    }
    this.#atByKey.set(key, at);
    this.#push({ key, at });
    // Deadlines that keep moving leave stale entries behind; they may never outnumber the live ones for long.
    if (this.#heap.length > 64 && this.#heap.length > this.#atByKey.size * 4) {
      this.#rebuild();
    }
  }

  clear(key: Key): void {
    this.#atByKey.delete(key);
  }

  /** The earliest deadline, or `Infinity`. */
  nextAt(): number {
    this.#dropStale();
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Removes and returns the key of the earliest deadline that is not after `now`. */
  takeDue(now: number): Key | undefined {
    this.#dropStale();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) {
      return undefined;
    }
    this.#pop();
    this.#atByKey.delete(first.key);
    return first.key;
  }

  #dropStale(): void {
    for (let first = this.#heap[0]; first !== undefined && this.#isStale(first); first = this.#heap[0]) {
      this.#pop();
    }
  }

  #isStale(entry: { readonly key: Key; readonly at: number }): boolean {
    return this.#atByKey.get(entry.key) !== entry.at;
  }

  #rebuild(): void {
    // A sorted array is a heap.
    this.#heap = [...this.#atByKey].map(([key, at]) => ({ key, at })).sort((a, b) => a.at - b.at);
  }

  #push(entry: { readonly key: Key; readonly at: number }): void {
    const heap = this.#heap;
    heap.push(entry);
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.#at(parent) <= entry.at) {
        break;
      }
      this.#swap(parent, child);
      child = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) {
      return;
    }
    heap[0] = last;
    let parent = 0;
    for (;;) {
      const left = parent * 2 + 1;
      if (left >= heap.length) {
        return;
      }
      const right = left + 1;
      const child = right < heap.length && this.#at(right) < this.#at(left) ? right : left;
      if (this.#at(child) >= last.at) {
        return;
      }
      this.#swap(parent, child);
      parent = child;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const first = this.#heap[a];
    const second = this.#heap[b];
    if (first !== undefined && second !== undefined) {
      this.#heap[a] = second;
      this.#heap[b] = first;
    }
  }
}
