/** How often threads are looked at, ms. */
export const LOOK_MS = 1000;

/** A thread with nothing to do turns once a second; one that has not turned at so many looks is stuck. */
export const MAX_STILL_LOOKS = 10;

/** A thread that is to turn. */
export interface Turning {
  /** It should be turning. */
  readonly isRunning: boolean;
  /** Any number that is another one after a turn. */
  readonly turns: number;
}

/**
 * Finds threads that are stuck: they live, and move nothing. It counts its own looks and not the time, so that a process
 * that was stopped, or a machine that slept, has as much time as ever once it goes on.
 */
export class HangWatch<Thread extends Turning> {
  readonly #still = new Map<Thread, { turns: number; looks: number }>();

  /** Those that are stuck, each named once. */
  look(threads: readonly Thread[]): Thread[] {
    return threads.filter((thread) => {
      const { turns } = thread;
      const before = this.#still.get(thread);
      if (!thread.isRunning || before === undefined || before.turns !== turns) {
        this.#still.set(thread, { turns, looks: 0 });
        return false;
      }
      before.looks += 1;
      return before.looks === MAX_STILL_LOOKS;
    });
  }
}
