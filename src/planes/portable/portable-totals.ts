import type { FlowState } from '../../relay/media/flow-states.ts';
import { ERROR_KINDS, type ErrorKind, errorKind, PACKET_KINDS, type PacketKind } from '../../relay/media/kinds.ts';
import type { PlaneTotals } from '../../relay/plane.ts';

/** The counters of a plane that lives in one thread. */
export class PortableTotals implements PlaneTotals {
  received = 0;
  relayed = 0;
  discarded = 0;
  played = 0;
  errors = 0;
  readonly inKernel = 0;
  readonly resizer = { taken: 0, produced: 0, dropped: 0 };
  readonly #errors = countersOf(ERROR_KINDS);
  readonly #refused = countersOf(PACKET_KINDS);

  errorsOf(kind: ErrorKind): number {
    return this.#errors[kind];
  }

  refusedOf(kind: PacketKind): number {
    return this.#refused[kind];
  }

  flows(): ReadonlyMap<FlowState, number> {
    return new Map();
  }

  countError(error: NodeJS.ErrnoException): void {
    this.errors += 1;
    this.#errors[errorKind(error.code)] += 1;
  }

  countRefused(kind: PacketKind, count = 1): void {
    this.discarded += count;
    this.#refused[kind] += count;
  }
}

function countersOf<Kind extends string>(kinds: readonly Kind[]): Record<Kind, number> {
  return Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
}
