/** Maps of the interpreter: the same keys and values as the kernel's. */

export interface InterpretedMap {
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** The value itself, to be read and written in place. */
  lookup(key: Uint8Array): Uint8Array | undefined;
}

export class InterpretedHash implements InterpretedMap {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly #values = new Map<string, Uint8Array>();

  constructor(keyBytes: number, valueBytes: number) {
    this.keyBytes = keyBytes;
    this.valueBytes = valueBytes;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(Buffer.from(key).toString('hex'));
  }

  update(key: Uint8Array, value: Uint8Array): void {
    this.#values.set(Buffer.from(key).toString('hex'), Uint8Array.from(value));
  }

  delete(key: Uint8Array): boolean {
    return this.#values.delete(Buffer.from(key).toString('hex'));
  }
}

export class InterpretedArray implements InterpretedMap {
  readonly keyBytes = 4;
  readonly valueBytes: number;
  /** All values, one behind the other, as a program that maps them into its memory sees them. */
  readonly memory: Uint8Array;

  constructor(entries: number, valueBytes: number) {
    this.valueBytes = valueBytes;
    this.memory = new Uint8Array(entries * valueBytes);
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const index = new DataView(key.buffer, key.byteOffset, 4).getUint32(0, true);
    const at = index * this.valueBytes;
    return at + this.valueBytes <= this.memory.length ? this.memory.subarray(at, at + this.valueBytes) : undefined;
  }
}
