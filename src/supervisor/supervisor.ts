import type { SupervisorEffect, SupervisorEvent } from './events.ts';
import { nextTimeoutAt, reduce } from './reducer.ts';
import { INITIAL_STATE, type SupervisorState } from './state.ts';

/** The reducer with its state, in the form that all engines have. One event at a time; effects in their order. */
export class Supervisor {
  readonly #random: () => number;
  #state: SupervisorState = INITIAL_STATE;

  /** @param random numbers in [0, 1), for the jitter of restart delays */
  constructor(random: () => number) {
    this.#random = random;
  }

  get state(): SupervisorState {
    return this.#state;
  }

  handle(now: number, event: SupervisorEvent): readonly SupervisorEffect[] {
    const { state, effects } = reduce(now, this.#state, event, this.#random);
    this.#state = state;
    return effects;
  }

  nextTimeoutAt(): number {
    return nextTimeoutAt(this.#state);
  }
}
