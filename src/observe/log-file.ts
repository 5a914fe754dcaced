/**
 * The log in a file, beside the console: kept below a size by giving the full one a number and beginning another,
 * never by cutting one that somebody reads. A disk that refuses costs lines of this file, never the program.
 */
import { closeSync, constants, fstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { LogSink } from './log-sink.ts';

export interface LogFileOptions {
  readonly path: string;
  /** Past this the file is renamed to `<path>.1`. */
  readonly maxBytes: number;
  /** Files with a number that are kept. */
  readonly maxFiles: number;
  /** Once for each time that it goes wrong; the console is where this can still be told. */
  readonly onFailure: (error: Error) => void;
}

/** Bytes that may wait for a slow disk before lines are dropped. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** A file that failed is tried again after this time, milliseconds. */
const RETRY_MS = 5000;

export class LogFile {
  readonly #options: LogFileOptions;
  #sink: LogSink | undefined;
  #fd: number | undefined;
  #bytes = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #dropped = 0;
  #closed = false;

  /** @throws the system's error when the file cannot be opened: a mistake of the configuration */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#open();
  }

  get path(): string {
    return this.#options.path;
  }

  /** Lines that did not get into the file. */
  get dropped(): number {
    return this.#dropped + (this.#sink?.dropped ?? 0);
  }

  /** One whole line, LF included. Never throws. */
  write(line: string): void {
    if (this.#closed) {
      return;
    }
    if (this.#sink === undefined) {
      if (performance.now() - this.#failedAt < RETRY_MS) {
        this.#dropped += 1;
        return;
      }
      this.#tryTo(() => this.#open());
    }
    const length = Buffer.byteLength(line);
    if (this.#bytes > 0 && this.#bytes + length > this.#options.maxBytes) {
      this.#tryTo(() => this.#rotate());
    }
    if (this.#sink === undefined) {
      this.#dropped += 1;
      return;
    }
    this.#bytes += length;
    this.#sink.write(line);
  }

  /** The file was moved away (logrotate): what waits goes into the moved one, the rest into a new one. */
  reopen(): void {
    this.#tryTo(() => {
      this.#release();
      this.#open();
    });
  }

  flush(): void {
    this.#sink?.flush();
  }

  /** For the end, as the sink's: what `flush` writes comes last. */
  async settled(): Promise<void> {
    await this.#sink?.settled();
  }

  /** Idempotent. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#release();
    }
  }

  #open(): void {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants;
    // Not to wait for the reader of a pipe.
    const fd = openSync(this.#options.path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
    const found = fstatSync(fd);
    if (!found.isFile()) {
      closeSync(fd);
      throw new Error('it is not a regular file');
    }
    this.#fd = fd;
    this.#bytes = found.size;
    this.#sink = new LogSink(fd, MAX_BUFFERED_BYTES, { onBreak: (error) => this.#fail(error) });
  }

  #rotate(): void {
    const { path, maxFiles } = this.#options;
    this.#release();
    if (maxFiles === 0) {
      rmSync(path, { force: true });
    } else {
      for (let number = maxFiles - 1; number >= 1; number--) {
        renameIfThere(`${path}.${number}`, `${path}.${number + 1}`);
      }
      renameIfThere(path, `${path}.1`);
    }
    this.#open();
  }

  #release(): void {
    const [sink, fd] = [this.#sink, this.#fd];
    this.#sink = undefined;
    this.#fd = undefined;
    this.#closeAfter(sink, fd);
  }

  #closeAfter(sink: LogSink | undefined, fd: number | undefined): void {
    sink?.release(() => {
      this.#dropped += sink.dropped;
      if (fd !== undefined) {
        closeSync(fd);
      }
    });
  }

  #tryTo(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Later, and not from inside: the sink that failed may be in the middle of a write. */
  #fail(error: Error): void {
    const isNews = performance.now() - this.#failedAt > RETRY_MS * 2;
    this.#failedAt = performance.now();
    const [sink, fd] = [this.#sink, this.#fd];
    this.#sink = undefined;
    this.#fd = undefined;
    setImmediate(() => {
      this.#closeAfter(sink, fd);
      if (isNews) {
        this.#options.onFailure(error);
      }
    });
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
  }
}
