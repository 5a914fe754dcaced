/**
 * Where log lines go: a descriptor whose reader may stall or leave. A line waits at most until the end of the event
 * loop's turn; a stalled reader costs lines, never the loop; one that is gone costs the log, never the exit.
 */
import { write, writeSync } from 'node:fs';
import { Writable } from 'node:stream';

/** One system call takes at most this much, bytes. */
const MAX_WRITE_BYTES = 64 * 1024;

/** A full pipe is tried again after this time, milliseconds. */
const RETRY_MS = 50;

/** At the end a full pipe is waited for this long altogether, milliseconds. */
const FLUSH_PATIENCE_MS = 300;
const FLUSH_POLL_MS = 10;

export interface LogSinkListener {
  /** Nobody reads any more, or the disk refuses: nothing is written from now on. */
  onBreak?(error: NodeJS.ErrnoException): void;
  /** Lines were dropped, and the reader reads again. */
  onCaughtUp?(dropped: number): void;
}

export class LogSink extends Writable {
  readonly #fd: number;
  readonly #maxBytes: number;
  readonly #listener: LogSinkListener;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #busy = false;
  /** A batch is with the system. */
  #writing = false;
  #ending = false;
  #onIdle: (() => void) | undefined;
  #isBroken = false;
  #dropped = 0;
  #droppedTold = 0;

  /** @param maxBytes that may wait for a stalled reader; lines beyond are dropped */
  constructor(fd: number, maxBytes: number, listener: LogSinkListener = {}) {
    super();
    this.#fd = fd;
    this.#maxBytes = maxBytes;
    this.#listener = listener;
  }

  /** Lines that a stalled or vanished reader has cost. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The reader is gone. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  override _write(line: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#isBroken || this.#queuedBytes + line.length > this.#maxBytes) {
      this.#dropped += 1;
    } else {
      this.#queue.push(line);
      this.#queuedBytes += line.length;
      if (!this.#busy) {
        this.#busy = true;
        // Not at once: what the last turn before an exit logs is then still here for `flush`.
        setImmediate(() => this.#writeOn());
      }
    }
    done();
  }

  /**
   * For the end: begins no write any more, and resolves when none is under way, so that what `flush` writes comes last.
   * A write that a stalled reader keeps waiting costs the rest: another one would keep the whole process waiting.
   */
  async settled(): Promise<void> {
    this.#ending = true;
    const until = performance.now() + FLUSH_PATIENCE_MS;
    while (this.#writing && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, FLUSH_POLL_MS));
    }
    if (this.#writing) {
      this.#break(new Error('the reader does not read'));
    }
  }

  /**
   * The last call: writes what waits, and then tells that the descriptor may be closed: at once, or, when a write is
   * under way, after it. Closed before, the descriptor's number could be another file's when the system writes to it.
   */
  release(onReleased: () => void): void {
    this.#ending = true;
    this.#onIdle = () => {
      this.flush();
      onReleased();
    };
    if (!this.#writing) {
      this.#onIdle();
    }
  }

  /** Writes what waits, synchronously. Gives up on a reader that is gone, and soon on one that stalls. */
  flush(): void {
    let patienceMs = FLUSH_PATIENCE_MS;
    while (this.#queue.length > 0 && !this.#isBroken) {
      try {
        this.#consume(writeSync(this.#fd, this.#batch()));
      } catch (error) {
        if (!isFull(error) || patienceMs <= 0) {
          this.#break(error as NodeJS.ErrnoException);
        }
        Atomics.wait(SLEEPER, 0, 0, FLUSH_POLL_MS);
        patienceMs -= FLUSH_POLL_MS;
      }
    }
  }

  #writeOn(): void {
    if (this.#ending) {
      return;
    }
    if (this.#queue.length === 0) {
      this.#busy = false;
      this.#tellDropped();
      return;
    }
    const batch = this.#batch();
    // Taken out meanwhile: a flush must not write it a second time.
    this.#consume(batch.length);
    this.#writing = true;
    write(this.#fd, batch, (error, written) => {
      this.#writing = false;
      if (error === null) {
        this.#putBack(batch.subarray(written));
        this.#writeOn();
      } else if (isFull(error)) {
        this.#putBack(batch);
        setTimeout(() => this.#writeOn(), RETRY_MS).unref();
      } else {
        this.#break(error);
      }
      this.#onIdle?.();
    });
  }

  /** The beginning of the queue, as much as one call takes. */
  #batch(): Buffer {
    const [first] = this.#queue;
    if (first !== undefined && this.#queue.length === 1) {
      return first;
    }
    const all = this.#queuedBytes <= MAX_WRITE_BYTES ? this.#queue : this.#queue.slice(0, countWithin(this.#queue));
    return Buffer.concat(all);
  }

  /** Forgets the first `bytes` of the queue: they are written. */
  #consume(bytes: number): void {
    this.#queuedBytes -= bytes;
    let left = bytes;
    let whole = 0;
    for (const line of this.#queue) {
      if (line.length > left) {
        break;
      }
      left -= line.length;
      whole += 1;
    }
    this.#queue.splice(0, whole);
    const [first] = this.#queue;
    if (left > 0 && first !== undefined) {
      this.#queue[0] = first.subarray(left);
    }
  }

  #putBack(rest: Buffer): void {
    if (rest.length > 0) {
      this.#queue.unshift(rest);
      this.#queuedBytes += rest.length;
    }
  }

  /** EPIPE and the like: nobody reads any more. The program goes on without a log. */
  #break(error: NodeJS.ErrnoException): void {
    this.#isBroken = true;
    this.#dropped += this.#queue.length;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#listener.onBreak?.(error);
  }

  #tellDropped(): void {
    const dropped = this.#dropped - this.#droppedTold;
    if (dropped > 0) {
      this.#droppedTold = this.#dropped;
      this.#listener.onCaughtUp?.(dropped);
    }
  }
}

const SLEEPER = new Int32Array(new SharedArrayBuffer(4));

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

/** How many of the first lines fit into one write; at least one. */
function countWithin(lines: readonly Buffer[]): number {
  let bytes = 0;
  const count = lines.findIndex((line) => {
    bytes += line.length;
    return bytes > MAX_WRITE_BYTES;
  });
  return Math.max(1, count);
}
