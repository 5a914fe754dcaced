/** One turn of the reducer: the state as it becomes, and the effects gathered on the way. */
import type { SupervisorEffect } from './events.ts';
import type { Component, Condition, ServiceName, SupervisorState } from './state.ts';

type Report = Extract<SupervisorEffect, { kind: 'report' }>;

export class Turn {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** A number in [0, 1) for jitter. */
  readonly random: () => number;
  readonly effects: SupervisorEffect[] = [];
  #state: SupervisorState;

  constructor(now: number, state: SupervisorState, random: () => number) {
    this.now = now;
    this.random = random;
    this.#state = state;
  }

  get state(): SupervisorState {
    return this.#state;
  }

  patch(change: Partial<SupervisorState>): void {
    this.#state = { ...this.#state, ...change };
  }

  service(name: ServiceName): Component {
    return this.#state[name];
  }

  patchService(name: ServiceName, change: Partial<Component>): void {
    this.#state = { ...this.#state, [name]: { ...this.#state[name], ...change } };
  }

  /** Enters a condition; the next question is due at `askAt`. */
  enter(name: ServiceName, condition: Condition, askAt = Number.POSITIVE_INFINITY): void {
    this.patchService(name, { condition, askAt });
  }

  emit(effect: SupervisorEffect): void {
    this.effects.push(effect);
  }

  report(level: Report['level'], event: string, sentence: string, fields: Report['fields'] = {}): void {
    this.effects.push({ kind: 'report', level, event, sentence, fields });
  }
}
