/** Room for one line; a longer one ends its connection. */
const MAX_LINE_BYTES = 8192;

/** Cuts a byte stream into lines. Text is latin1: ids are opaque bytes. */
export class LineReader {
  #rest = '';

  /** The complete lines without their LF, a CR before it being left in; undefined: a line is too long, close. */
  push(chunk: Buffer): string[] | undefined {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = lines.pop() ?? '';
    const tooLong = this.#rest.length >= MAX_LINE_BYTES || lines.some((line) => line.length >= MAX_LINE_BYTES);
    return tooLong ? undefined : lines;
  }
}
