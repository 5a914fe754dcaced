/** Sequence numbers whose arrival is remembered; a power of two. */
const WINDOW = 2048;

/** 32-bit words that hold a bit for each of them. */
export const SEEN_WORDS = WINDOW / 32;

/** A bit for each of the last sequence numbers, in words of its own or in those that are lent to it. */
export class SeenNumbers {
  #words: Uint32Array | undefined;
  readonly #at: number;

  /** @param at where its SEEN_WORDS words begin */
  constructor(words?: Uint32Array, at = 0) {
    this.#words = words;
    this.#at = at;
  }

  has(extended: number): boolean {
    return this.#words !== undefined && ((this.#words[this.#word(extended)] as number) & bitOf(extended)) !== 0;
  }

  add(extended: number): void {
    this.#words ??= new Uint32Array(SEEN_WORDS);
    const word = this.#word(extended);
    this.#words[word] = (this.#words[word] as number) | bitOf(extended);
  }

  forget(extended: number): void {
    if (this.#words !== undefined) {
      const word = this.#word(extended);
      this.#words[word] = (this.#words[word] as number) & ~bitOf(extended);
    }
  }

  clear(): void {
    this.#words?.fill(0, this.#at, this.#at + SEEN_WORDS);
  }

  #word(extended: number): number {
    return this.#at + ((extended % WINDOW) >> 5);
  }
}

function bitOf(extended: number): number {
  return 1 << (extended & 31);
}
