/** The file of a capture: for its owner alone, never longer than it may be, and never in the place of another. */
import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { ImsError } from '../../errors.ts';
import { formatPcapHeader } from '../../relay/recording/pcap.ts';

/** Standard output. */
export const STDOUT = '-';

interface Sink {
  /** False: nobody takes it any more. */
  write(bytes: Uint8Array): Promise<boolean>;
  close(): Promise<void>;
}

export interface CaptureFileOptions {
  readonly maxBytes: number;
  /** A file of that name may go. */
  readonly force: boolean;
}

export class CaptureFile {
  readonly #sink: Sink;
  readonly #maxBytes: number;
  #bytes = 0;

  private constructor(sink: Sink, maxBytes: number) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
  }

  /**
   * @param path `-`: standard output
   * @throws ImsError IMS_ERR_FILE_EXISTS, IMS_ERR_FILE_WRITE
   */
  static async open(path: string, { maxBytes, force }: CaptureFileOptions): Promise<CaptureFile> {
    const file = new CaptureFile(path === STDOUT ? standardOutput() : await openNew(path, force), maxBytes);
    await file.write([formatPcapHeader()]);
    return file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Each record whole or not at all. @throws ImsError IMS_ERR_FILE_WRITE */
  async write(records: readonly Uint8Array[]): Promise<'written' | 'full' | 'reader-gone'> {
    let count = 0;
    for (const { length } of records) {
      if (this.#bytes + length > this.#maxBytes) {
        break;
      }
      this.#bytes += length;
      count += 1;
    }
    if (count > 0 && !(await this.#sink.write(Buffer.concat(records.slice(0, count))))) {
      return 'reader-gone';
    }
    return count === records.length ? 'written' : 'full';
  }

  async close(): Promise<void> {
    await this.#sink.close();
  }
}

async function openNew(path: string, force: boolean): Promise<Sink> {
  const handle = await create(path, force);
  let length = 0;
  return {
    write: async (bytes) => {
      try {
        await handle.writeFile(bytes);
        length += bytes.length;
        return true;
      } catch (error) {
        // What a full disk took of it is no record: tools call such a file broken.
        await handle.truncate(length).catch(() => {});
        throw new ImsError('IMS_ERR_FILE_WRITE', `${path} cannot be written: ${(error as Error).message}`);
      }
    },
    close: () => handle.close(),
  };
}

async function create(path: string, force: boolean): Promise<FileHandle> {
  try {
    if (force && lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) {
      await rm(path);
    }
    // `wx` follows no link, and finds what somebody has put there meanwhile.
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new ImsError('IMS_ERR_FILE_EXISTS', `${path} exists and is left as it is (--force replaces a file)`);
    }
    throw new ImsError('IMS_ERR_FILE_WRITE', `${path} cannot be made: ${message}`);
  }
}

function standardOutput(): Sink {
  const { stdout } = process;
  let isGone = false;
  stdout.once('error', () => {
    isGone = true;
  });
  return {
    write: async (bytes) => {
      if (!isGone && !stdout.write(bytes)) {
        // It rejects when the reader goes.
        await once(stdout, 'drain').catch(() => {});
      }
      return !isGone;
    },
    close: async () => {},
  };
}
