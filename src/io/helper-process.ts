/** A command that is run once, to its end or its limit: what an operator wants done at a moment of a service's life. */
import { type ChildCommand, ChildDriver } from './process-driver.ts';

export interface HelperListener {
  started(pid: number): void;
  line(stream: 'stdout' | 'stderr', text: string): void;
  /** Comes once, and last. `failure` completes the sentence "the command …"; undefined: it ended with status 0. */
  ended(failure: string | undefined): void;
}

export class HelperProcess {
  readonly #child: ChildDriver;
  readonly #listener: HelperListener;
  readonly #limit: NodeJS.Timeout;
  #isLate = false;
  #failure: string | undefined;
  #ended = false;

  /** @param limitMs after its start, it and what is left of its group are killed */
  constructor(command: ChildCommand, limitMs: number, listener: HelperListener) {
    this.#listener = listener;
    this.#child = new ChildDriver(command, {
      spawned: (pid) => listener.started(pid),
      spawnFailed: (_, detail) => this.#end(`could not be started: ${detail}`),
      exited: ({ exitCode, signal }) => {
        this.#failure = this.#isLate ? `took longer than ${limitMs} ms` : describeEnd(exitCode, signal);
        // What it started in its group is of no use without it.
        this.#child.kill();
      },
      extinct: () => this.#end(this.#failure),
      line: (stream, text) => listener.line(stream, text),
      message: () => {},
    });
    this.#limit = setTimeout(() => {
      this.#isLate = true;
      this.#child.kill();
    }, limitMs);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  start(): void {
    this.#child.start();
  }

  /** Synchronous. */
  kill(): void {
    this.#child.kill();
  }

  /** Stops watching. Idempotent. */
  close(): void {
    clearTimeout(this.#limit);
    this.#child.close();
  }

  #end(failure: string | undefined): void {
    if (!this.#ended) {
      this.#ended = true;
      clearTimeout(this.#limit);
      this.#listener.ended(failure);
    }
  }
}

function describeEnd(exitCode: number | undefined, signal: string | undefined): string | undefined {
  if (signal !== undefined) {
    return `was ended by ${signal}`;
  }
  return exitCode === 0 ? undefined : `ended with status ${exitCode}`;
}
