/** Runs the supervisor: one queue of facts, one timer, effects in the order in which they were decided. */
import type { SupervisorEffect, SupervisorEvent } from '../supervisor/events.ts';
import { OWN_LAG_MS } from '../supervisor/self-doubt.ts';
import type { SupervisorState } from '../supervisor/state.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import { DeadlineTimer } from './deadline-timer.ts';

export class SupervisorDriver {
  readonly #supervisor = new Supervisor(Math.random);
  readonly #execute: (effect: SupervisorEffect) => void;
  readonly #onTurn: (state: SupervisorState) => void;
  readonly #timer = new DeadlineTimer(() => this.post({ kind: 'timeout' }));
  readonly #queue: SupervisorEvent[] = [];
  #running = false;
  /** When the supervisor wants to be woken next. */
  #dueAt = Number.POSITIVE_INFINITY;

  /** @param onTurn told the state after each turn */
  constructor(execute: (effect: SupervisorEffect) => void, onTurn: (state: SupervisorState) => void = () => {}) {
    this.#execute = execute;
    this.#onTurn = onTurn;
  }

  get state(): SupervisorState {
    return this.#supervisor.state;
  }

  /** Takes a fact. One that an effect posts waits until the turn that decided the effect is over. */
  post(event: SupervisorEvent): void {
    this.#queue.push(event);
    if (this.#running) {
      return;
    }
    const lateMs = performance.now() - this.#dueAt;
    if (lateMs > OWN_LAG_MS) {
      // Before anything that happened meanwhile is judged.
      this.#queue.unshift({ kind: 'late', lateMs });
    }
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        for (const effect of this.#supervisor.handle(performance.now(), next)) {
          this.#execute(effect);
        }
        this.#onTurn(this.#supervisor.state);
      }
    } finally {
      this.#running = false;
    }
    const nextAt = this.#supervisor.nextTimeoutAt();
    // What is due by now is not late yet; but it will be, if the process stands still before the timer fires.
    this.#dueAt = Math.max(nextAt, performance.now());
    this.#timer.arm(nextAt);
  }
}
