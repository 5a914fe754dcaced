interface Node<T> {
  readonly item: T;
  at: number;
  index: number;
}

/** Items by deadline: a binary heap that knows where each item is, so that one place per item is enough. */
export class DeadlineQueue<T> {
  readonly #heap: Node<T>[] = [];
  readonly #nodes = new Map<T, Node<T>>();

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest deadline; Infinity: none. */
  next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  has(item: T): boolean {
    return this.#nodes.has(item);
  }

  /** Sets the item's deadline; Infinity takes it out. */
  schedule(item: T, at: number): void {
    const node = this.#nodes.get(item);
    if (at === Number.POSITIVE_INFINITY) {
      this.remove(item);
    } else if (node === undefined) {
      const added = { item, at, index: this.#heap.length };
      this.#nodes.set(item, added);
      this.#heap.push(added);
      this.#rise(added);
    } else if (node.at !== at) {
      node.at = at;
      this.#rise(node);
      this.#sink(node);
    }
  }

  remove(item: T): void {
    const node = this.#nodes.get(item);
    const last = this.#heap.at(-1);
    if (node === undefined || last === undefined) {
      return;
    }
    this.#nodes.delete(item);
    this.#heap.pop();
    if (last !== node) {
      this.#place(last, node.index);
      this.#rise(last);
      this.#sink(last);
    }
  }

  /** The item with the earliest deadline if that has come; it stays in the queue. */
  due(now: number): T | undefined {
    const first = this.#heap[0];
    return first !== undefined && first.at <= now ? first.item : undefined;
  }

  #rise(node: Node<T>): void {
    while (node.index > 0) {
      const parent = this.#heap[(node.index - 1) >> 1] as Node<T>;
      if (parent.at <= node.at) {
        return;
      }
      this.#swap(node, parent);
    }
  }

  #sink(node: Node<T>): void {
    for (;;) {
      const left = this.#heap[2 * node.index + 1];
      const right = this.#heap[2 * node.index + 2];
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (child === undefined || child.at >= node.at) {
        return;
      }
      this.#swap(node, child);
    }
  }

  #swap(a: Node<T>, b: Node<T>): void {
    const index = a.index;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  #place(node: Node<T>, index: number): void {
    node.index = index;
    this.#heap[index] = node;
  }
}
