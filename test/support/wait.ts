/** Bounded waiting for what has no event of its own: a bound port, a process that is gone, a counter. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Polls until `attempt` gives something other than undefined or false.
 * @throws Error that names `what` after `timeoutMs` (30 s unless told).
 */
export async function waitFor<T>(
  what: string,
  attempt: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 30_000, intervalMs = 20 }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await attempt();
    if (value !== undefined && value !== false) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    }
    await sleep(intervalMs);
  }
}

/** The promise's value, or an error that names `what` when it takes too long. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    controller.abort();
    late.catch(() => {});
  }
}
