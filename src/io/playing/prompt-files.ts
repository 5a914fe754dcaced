/** Prompt files, read whole and kept while they do not change: the same few are played again and again. */
import { constants, open, stat } from 'node:fs/promises';

/** An hour of G.711; more is no prompt. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** Kept in memory, all together; the one not played longest goes. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

interface Kept {
  readonly data: Uint8Array;
  readonly changedAt: number;
}

export class PromptFiles {
  readonly #kept = new Map<string, Kept>();

  /** Rejects with the system's error, or one that says why the file is no prompt. `path` is latin1. */
  async read(path: string): Promise<Uint8Array> {
    const bytes = Buffer.from(path, 'latin1');
    const { mtimeMs } = await stat(bytes);
    const kept = this.#kept.get(path);
    this.#kept.delete(path);
    const data = kept?.changedAt === mtimeMs ? kept.data : await readPrompt(bytes);
    this.#kept.set(path, { data, changedAt: mtimeMs });
    this.#makeRoom();
    return data;
  }

  #makeRoom(): void {
    let bytes = [...this.#kept.values()].reduce((sum, { data }) => sum + data.length, 0);
    for (const [path, { data }] of this.#kept) {
      if (bytes <= MAX_KEPT_BYTES) {
        return;
      }
      this.#kept.delete(path);
      bytes -= data.length;
    }
  }
}

/** A pipe or a device is not waited for. */
async function readPrompt(path: Buffer): Promise<Uint8Array> {
  const { O_RDONLY, O_NONBLOCK = 0 } = constants;
  const handle = await open(path, O_RDONLY | O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile()) {
      throw new Error('it is not a file');
    }
    if (found.size > MAX_FILE_BYTES) {
      throw new Error(`it has ${found.size} bytes, and ${MAX_FILE_BYTES} are the most`);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
