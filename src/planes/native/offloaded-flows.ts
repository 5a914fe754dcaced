import type { FlowState } from '../../relay/media/flow-states.ts';
import type { NativeSession } from './native-session.ts';
import type { OffloadControl } from './offload.ts';
import type { WorkerHandle } from './worker-handle.ts';
import { WorkerTotals } from './worker-totals.ts';

/** What the flows of all sessions have outside their sockets, as the control thread reads it. */
export class OffloadedFlows {
  readonly #offload: OffloadControl | undefined;
  readonly #live: ReadonlyMap<unknown, NativeSession>;
  readonly #ending: ReadonlySet<NativeSession>;

  /**
   * @param offload undefined: nothing is ever taken off the sockets
   * @param live the sessions that there are
   * @param ending those whose workers have not obeyed the end yet: what was passed on of them still counts
   */
  constructor(
    offload: OffloadControl | undefined,
    live: ReadonlyMap<unknown, NativeSession>,
    ending: ReadonlySet<NativeSession>,
  ) {
    this.#offload = offload;
    this.#live = live;
    this.#ending = ending;
  }

  /** How many legs are in which state; empty without an offload. */
  states(): ReadonlyMap<FlowState, number> {
    const states = new Map<FlowState, number>();
    if (this.#offload !== undefined) {
      for (const { legs } of this.#live.values()) {
        for (const { shared } of legs) {
          const { state } = shared.flow;
          states.set(state, (states.get(state) ?? 0) + 1);
        }
      }
    }
    return states;
  }

  /** Packets passed on that no counter of ours has yet. */
  pending(): number {
    const offload = this.#offload;
    let packets = 0;
    if (offload !== undefined) {
      const passedOn = (place: number) => offload.passedOn(place);
      for (const { legs } of this.#all()) {
        packets += legs[0].shared.flow.pending(passedOn) + legs[1].shared.flow.pending(passedOn);
      }
    }
    return packets;
  }

  /** A thread has died: what it had passed on is counted, and every packet comes to the sockets again. */
  rejoin(worker: WorkerHandle): void {
    const offload = this.#offload;
    if (offload === undefined) {
      return;
    }
    offload.lost(worker.number);
    const sessions = this.#all().filter((session) => session.worker === worker);
    worker.totals.endJoin();
    new WorkerTotals(worker.totals).countInKernel(sessions.reduce((sum, session) => sum + session.rejoin(offload), 0));
  }

  #all(): NativeSession[] {
    return [...this.#live.values(), ...this.#ending];
  }
}
