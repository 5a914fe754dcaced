/** Virtual time and a network that loses, delays and doubles datagrams by a seed. */

export interface Address {
  readonly address: string;
  readonly port: number;
}

export interface Node {
  readonly at: Address;
  receive(now: number, bytes: Uint8Array, from: Address): void;
  nextTimeoutAt(): number;
  handleTimeout(now: number): void;
}

interface Arrival {
  readonly at: number;
  readonly order: number;
  readonly deliver: () => void;
}

export class World {
  now = 0;
  /** Datagrams that were sent, lost ones included. */
  sent = 0;
  readonly #chance: () => number;
  readonly #loss: number;
  readonly #nodes = new Map<string, Node>();
  #arrivals: Arrival[] = [];
  #order = 0;

  constructor(seed: number, loss: number) {
    this.#chance = random(seed);
    this.#loss = loss;
  }

  add(node: Node): void {
    this.#nodes.set(key(node.at), node);
  }

  transmit(from: Address, to: Address, bytes: Uint8Array): void {
    this.sent++;
    const copies = this.#chance() < this.#loss ? 0 : this.#chance() < this.#loss / 5 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.after(5 + this.#chance() * 40, () => this.#nodes.get(key(to))?.receive(this.now, bytes, from));
    }
  }

  /** Something happens that much later, in this world's time. */
  after(milliseconds: number, deliver: () => void): void {
    this.#arrivals.push({ at: this.now + milliseconds, order: this.#order++, deliver });
  }

  /** Lets time pass until nothing is left to happen, or until that instant. */
  run(until: number): void {
    for (let steps = 0; ; steps++) {
      if (steps > 500_000) {
        throw new Error(`the world does not come to rest: ${steps} steps, now ${this.now}`);
      }
      this.#arrivals.sort((a, b) => a.at - b.at || a.order - b.order);
      const arrival = this.#arrivals[0];
      const timeouts = [...this.#nodes.values()].map((node) => ({ node, at: node.nextTimeoutAt() }));
      const timeout = timeouts.reduce((first, other) => (other.at < first.at ? other : first));
      const at = Math.min(arrival?.at ?? Number.POSITIVE_INFINITY, timeout.at);
      if (at > until) {
        this.now = until;
        return;
      }
      this.now = Math.max(this.now, at);
      if (arrival !== undefined && arrival.at <= timeout.at) {
        this.#arrivals.shift();
        arrival.deliver();
      } else {
        timeout.node.handleTimeout(this.now);
      }
    }
  }
}

/** A linear congruential generator: the same seed, the same fate. */
export function random(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function key({ address, port }: Address): string {
  return `${address}:${port}`;
}
