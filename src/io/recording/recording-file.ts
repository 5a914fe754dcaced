/**
 * One file of a recording. It grows in the spool directory and appears under its name when it is complete. Media never
 * waits for a disk: what a slow one has not taken is bounded, then dropped and counted; a full one ends the recording.
 */
import { constants, copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';

/** Bytes that wait for the disk: half a minute of a G.711 stream. */
const MAX_WAITING_BYTES = 256 * 1024;

/** Bytes gathered for one write. */
const BATCH_BYTES = 4096;

export interface RecordingFileOptions {
  /** Where it grows, and where it ends up; the same without a spool directory. Bytes: names are not text. */
  readonly growing: Buffer;
  readonly complete: Buffer;
  /** First bytes of the file. */
  readonly header: Uint8Array;
  /** The disk refused: nothing is written any more. Called at most once. */
  readonly onFailure: (error: NodeJS.ErrnoException) => void;
}

export class RecordingFile {
  readonly #options: RecordingFileOptions;
  readonly #handle: FileHandle;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #failed = false;
  #closing = false;
  #dropped = 0;

  private constructor(options: RecordingFileOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
    if (options.header.length > 0) {
      this.write(options.header);
    }
  }

  /** Rejects with the system's error. A file of that name is replaced, a link is not followed. */
  static async open(options: RecordingFileOptions): Promise<RecordingFile> {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK;
    return new RecordingFile(options, await open(options.growing, flags, 0o640));
  }

  /** Packets that the disk was too slow for. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes the bytes as they are; they must not change afterwards. */
  write(bytes: Uint8Array): void {
    if (this.#failed || this.#closing) {
      return;
    }
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= BATCH_BYTES) {
      this.#startWriting();
    }
  }

  /** Writes what waits, and gives the file its name. Never rejects; idempotent. */
  async close(): Promise<void> {
    if (this.#closing) {
      return;
    }
    this.#closing = true;
    await this.#writing;
    await this.#writeAll();
    try {
      await this.#handle.close();
      await this.#publish();
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException);
    }
  }

  #startWriting(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#failed) {
      const batch = Buffer.concat(this.#waiting);
      this.#waiting = [];
      try {
        await this.#handle.writeFile(batch);
      } catch (error) {
        this.#fail(error as NodeJS.ErrnoException);
      }
      this.#waitingBytes = this.#waiting.reduce((sum, { length }) => sum + length, 0);
    }
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (!this.#failed) {
      this.#failed = true;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#options.onFailure(error);
    }
  }

  /** Within a file system in one step; between two by a copy, which gets its name in one step. */
  async #publish(): Promise<void> {
    const { growing, complete } = this.#options;
    if (growing.equals(complete)) {
      return;
    }
    try {
      await rename(growing, complete);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') {
        throw error;
      }
      const copy = Buffer.concat([complete, Buffer.from('.part')]);
      await copyFile(growing, copy);
      await rename(copy, complete);
      await rm(growing);
    }
  }
}
