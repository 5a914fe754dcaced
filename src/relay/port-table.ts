/** Even/odd port pairs of one address family. Knows which are handed out, not whether others hold them. */

/**
 * After a session its ports rest: a party that has not heard of the end goes on sending, and its packets must not
 * reach the next call. The rest ends early when no other pair is left.
 */
export const QUARANTINE_MS = 10_000;

/** A pair is drawn at random among this many that are due, so that the next port cannot be guessed. */
const CHOICE = 64;

/** A pair that somebody else holds is not tried again for as long, unless no other is left. */
const HELD_MS = QUARANTINE_MS;

export interface PortRange {
  readonly minPort: number;
  readonly maxPort: number;
  /** Ascending, round robin. */
  readonly sequential: boolean;
  readonly reserved: readonly number[];
}

/** The even ports of the pairs that fit into a range: an odd lower end is rounded up. */
export function pairPorts({ minPort, maxPort, reserved }: Omit<PortRange, 'sequential'>): number[] {
  const first = minPort + (minPort % 2);
  const count = Math.max(0, Math.floor((maxPort - 1 - first) / 2) + 1);
  return Array.from({ length: count }, (_, index) => first + index * 2).filter(
    (port) => !reserved.includes(port) && !reserved.includes(port + 1),
  );
}

export class PortTable {
  readonly #sequential: boolean;
  readonly #random: (below: number) => number;
  /** All pairs, ascending. */
  readonly #pairs: readonly number[];
  readonly #used = new Set<number>();
  /** Pairs not handed out, the one that rests longest first. */
  readonly #free: { readonly port: number; readonly dueAt: number }[] = [];
  /** Sequential mode: index into #pairs of the pair handed out last. */
  #last: number;

  /** `random(n)` gives an integer from 0 to n - 1. */
  constructor(range: PortRange, random: (below: number) => number) {
    this.#sequential = range.sequential;
    this.#random = random;
    this.#pairs = pairPorts(range);
    this.#last = this.#pairs.length - 1;
    if (!this.#sequential) {
      this.#free = shuffled(this.#pairs, random).map((port) => ({ port, dueAt: Number.NEGATIVE_INFINITY }));
    }
  }

  get pairsInUse(): number {
    return this.#used.size;
  }

  get pairsTotal(): number {
    return this.#pairs.length;
  }

  /** Pairs worth a try, best first, each once. One that is claimed while it is looked at leaves the table. */
  *candidates(now: number): Generator<number, void, void> {
    yield* this.#sequential ? this.#ascending() : this.#rested(now);
  }

  claim(port: number): void {
    this.#used.add(port);
    if (this.#sequential) {
      this.#last = this.#pairs.indexOf(port);
    }
  }

  release(now: number, port: number): void {
    if (this.#used.delete(port) && !this.#sequential) {
      this.#free.push({ port, dueAt: now + QUARANTINE_MS });
    }
  }

  /** rtpproxy's search: it begins after the pair handed out last and never comes round to that one. */
  *#ascending(): Generator<number, void, void> {
    const { length } = this.#pairs;
    const last = this.#last;
    for (let step = 1; step < length; step += 1) {
      const index = (last + step) % length;
      const port = this.#pairs[index];
      if (port !== undefined && !this.#used.has(port)) {
        // Should the search be broken off here, the next one begins beyond.
        this.#last = index;
        yield port;
      }
    }
  }

  *#rested(now: number): Generator<number, void, void> {
    for (let tries = this.#free.length; tries > 0; tries -= 1) {
      const [entry] = this.#free.splice(this.#choose(now), 1);
      if (entry === undefined) {
        return;
      }
      try {
        yield entry.port;
      } finally {
        // Not claimed: last in the queue, so that the next search begins with others. Also when this one ends here.
        if (!this.#used.has(entry.port)) {
          this.#free.push({ port: entry.port, dueAt: now + HELD_MS });
        }
      }
      if (this.#used.has(entry.port)) {
        return;
      }
    }
  }

  #choose(now: number): number {
    let due = 0;
    while (due < CHOICE && (this.#free[due]?.dueAt ?? Number.POSITIVE_INFINITY) <= now) {
      due += 1;
    }
    return due === 0 ? 0 : this.#random(due);
  }
}

/** Fisher-Yates. */
function shuffled(ports: readonly number[], random: (below: number) => number): number[] {
  const result = [...ports];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = random(last + 1);
    const port = result[last] as number;
    result[last] = result[other] as number;
    result[other] = port;
  }
  return result;
}
