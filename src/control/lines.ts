/** Lines out of a byte stream, each of bounded length. */
const LF = 0x0a;

export class BoundedLines {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that are complete now, without their ends; `overflow`: the one in progress is too long. */
  push(chunk: Uint8Array): { readonly lines: readonly string[]; readonly overflow: boolean } {
    const lines: string[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(LF, from);
      const part = chunk.subarray(from, end === -1 ? chunk.length : end);
      if (this.#length + part.length > this.#maxBytes) {
        return { lines, overflow: true };
      }
      this.#parts.push(part);
      this.#length += part.length;
      if (end === -1) {
        return { lines, overflow: false };
      }
      lines.push(this.#take());
      from = end + 1;
    }
  }

  /** The stream has ended: its last line, should that have no end of its own. */
  end(): string | undefined {
    return this.#length === 0 ? undefined : this.#take();
  }

  #take(): string {
    const decoder = new TextDecoder();
    const text = this.#parts.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode();
    this.#parts = [];
    this.#length = 0;
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  }
}
