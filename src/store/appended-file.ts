/** A file that only grows, kept open: a line costs one write, not the way to the file as well. */
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectories } from '../io/make-directories.ts';

/** What is at the path is looked at this often, ms: somebody may have moved or deleted the file. */
const LOOK_MS = 1000;

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

/** The directory is made 0700 where it is missing, the file 0600. One call at a time. */
export class AppendedFile {
  readonly path: string;
  #handle: FileHandle | undefined;
  #identity = '';
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * To be called before each `append`. True: the file is the one that was appended to last, and ends as it was left.
   *
   * @throws NodeJS.ErrnoException
   */
  async ready(): Promise<boolean> {
    const now = performance.now();
    if (this.#handle !== undefined && now - this.#lookedAt < LOOK_MS) {
      return true;
    }
    this.#lookedAt = now;
    if (this.#handle !== undefined && (await identityAt(this.path)) === this.#identity) {
      return true;
    }
    await this.close();
    await makeDirectories(dirname(this.path), 0o700);
    this.#handle = await open(this.path, FLAGS, 0o600);
    this.#identity = identityOf(await this.#handle.stat());
    return false;
  }

  /** @throws NodeJS.ErrnoException; the file may then end with a part of the text, and is opened anew */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      for (let written = 0; written < bytes.length; ) {
        written += (await this.#open.write(bytes, written)).bytesWritten;
      }
    } catch (error) {
      await this.close().catch(() => {});
      throw error;
    }
  }

  /** Idempotent; the next `ready` opens it again. @throws NodeJS.ErrnoException */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  get #open(): FileHandle {
    if (this.#handle === undefined) {
      throw new Error('append before ready');
    }
    return this.#handle;
  }
}

async function identityAt(path: string): Promise<string> {
  try {
    return identityOf(await stat(path));
  } catch {
    return '';
  }
}

function identityOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}/${ino}`;
}
