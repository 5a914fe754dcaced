/** Node fires a timer with a longer delay at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The one timer of an engine: armed for `nextTimeoutAt()` after each fact, it calls back when that instant is over. */
export class DeadlineTimer {
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** `at`: an instant of `performance.now()`; `Infinity` disarms. An instant that is in force already costs nothing. */
  arm(at: number): void {
    if (at === this.#armedFor) {
      return;
    }
    clearTimeout(this.#timer);
    this.#armedFor = at;
    if (at === Number.POSITIVE_INFINITY) {
      return;
    }
    const delay = Math.ceil(at - performance.now());
    this.#timer = setTimeout(
      () => {
        this.#armedFor = Number.POSITIVE_INFINITY;
        this.#onDue();
      },
      Math.min(Math.max(delay, 0), LONGEST_DELAY_MS),
    );
  }
}
