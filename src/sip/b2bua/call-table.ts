import type { Call } from './call.ts';

/** The calls that ring or are answered, and how many of them each account has placed. */
export class CallTable {
  readonly #calls = new Set<Call>();
  readonly #callsOf = new Map<string, number>();

  get size(): number {
    return this.#calls.size;
  }

  /** Accounts with calls. */
  get accountCount(): number {
    return this.#callsOf.size;
  }

  /** As they are now: calls may come and go while these are walked over. */
  all(): readonly Call[] {
    return [...this.#calls];
  }

  /** Undefined: a trusted peer, whose calls are not counted. */
  countOf(account: string | undefined): number {
    return account === undefined ? 0 : (this.#callsOf.get(account) ?? 0);
  }

  add(call: Call): void {
    this.#calls.add(call);
    if (call.account !== undefined) {
      this.#callsOf.set(call.account, this.countOf(call.account) + 1);
    }
  }

  remove(call: Call): void {
    const { account } = call;
    if (this.#calls.delete(call) && account !== undefined) {
      const left = this.countOf(account) - 1;
      if (left > 0) {
        this.#callsOf.set(account, left);
      } else {
        this.#callsOf.delete(account);
      }
    }
  }
}
