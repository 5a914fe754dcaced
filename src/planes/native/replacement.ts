import type { Log } from '../../observe/log.ts';
import type { WorkerHandle } from './worker-handle.ts';

/** The first replacement comes at once; a worker that keeps dying waits longer each time, at most this, ms. */
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5000;

/** After this time without a death the next one is the first again, ms. */
const FORGIVEN_AFTER_MS = 60_000;

/** Puts a new thread where one has died. */
export class Replacement {
  readonly #log: Log;
  readonly #restart: (worker: WorkerHandle) => Promise<string | undefined>;
  readonly #deaths = new Map<WorkerHandle, { count: number; at: number }>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isClosed = false;

  /** @param restart resolves to the reason when there is no new thread */
  constructor(log: Log, restart: (worker: WorkerHandle) => Promise<string | undefined>) {
    this.#log = log;
    this.#restart = restart;
  }

  lost(worker: WorkerHandle, cause: string): void {
    if (this.#isClosed) {
      return;
    }
    const now = performance.now();
    const before = this.#deaths.get(worker);
    const count = before === undefined || now - before.at > FORGIVEN_AFTER_MS ? 0 : before.count;
    this.#deaths.set(worker, { count: count + 1, at: now });
    const delayMs = count === 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (count - 1), MAX_DELAY_MS);
    this.#log.error({ err: cause, delayMs, count: worker.load }, 'a media thread died; another one takes its sessions');
    if (delayMs === 0) {
      void this.#replace(worker);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#replace(worker);
    }, delayMs);
    this.#timers.add(timer);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) {
      clearTimeout(timer);
    }
    this.#timers.clear();
  }

  /** The first thread of a place. Never rejects. */
  async start(worker: WorkerHandle): Promise<boolean> {
    const reason = await this.#restart(worker);
    if (reason !== undefined) {
      this.lost(worker, reason);
    }
    return reason === undefined;
  }

  async #replace(worker: WorkerHandle): Promise<void> {
    if ((await this.start(worker)) && !this.#isClosed) {
      this.#log.info({ count: worker.load }, 'a new media thread has taken the sessions of the dead one');
    }
  }
}
