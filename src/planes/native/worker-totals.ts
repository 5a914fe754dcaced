import { errorName } from '../../linux/socket-address.ts';
import { ERROR_KINDS, type ErrorKind, errorKind, PACKET_KINDS, type PacketKind } from '../../relay/media/kinds.ts';
import type { ResizerCounts } from '../../relay/media/resizer.ts';
import { type SharedTotals, TOTAL } from './shared-totals.ts';

/** The counters of this worker, written where the control thread reads them. */
export class WorkerTotals {
  readonly #shared: SharedTotals;
  readonly #cells: Float64Array;
  readonly resizer: ResizerCounts;

  constructor(shared: SharedTotals) {
    const { cells } = shared;
    this.#shared = shared;
    this.#cells = cells;
    this.resizer = new SharedResizerCounts(cells);
  }

  countReceived(): void {
    this.#add(TOTAL.received);
  }

  countRelayed(): void {
    this.#add(TOTAL.relayed);
  }

  /** What the kernel has received and passed on; `act` takes it over from the kernel's own count. */
  joinKernel(packets: number, act: () => void): void {
    this.#shared.join(() => {
      this.countInKernel(packets);
      act();
    });
  }

  countInKernel(packets: number): void {
    this.#add(TOTAL.received, packets);
    this.#add(TOTAL.relayed, packets);
    this.#add(TOTAL.inKernel, packets);
  }

  /** Negative: so many were passed on after all. */
  countDiscarded(count: number): void {
    this.#add(TOTAL.discarded, count);
  }

  /** Besides `countDiscarded`. Negative: so many were believed after all. */
  countRefused(kind: PacketKind, count: number): void {
    this.#add(TOTAL.refused + PACKET_KINDS.indexOf(kind), count);
  }

  countLostCopy(): void {
    this.#add(TOTAL.copiesLost);
  }

  countError(kind: ErrorKind): void {
    this.#add(TOTAL.errors + ERROR_KINDS.indexOf(kind));
  }

  countSystemError(errno: number): void {
    this.countError(kindOf(errno));
  }

  #add(cell: number, count = 1): void {
    this.#cells[cell] = (this.#cells[cell] ?? 0) + count;
  }
}

class SharedResizerCounts implements ResizerCounts {
  readonly #cells: Float64Array;

  constructor(cells: Float64Array) {
    this.#cells = cells;
  }

  get taken(): number {
    return this.#cells[TOTAL.resizerTaken] ?? 0;
  }

  set taken(value: number) {
    this.#cells[TOTAL.resizerTaken] = value;
  }

  get produced(): number {
    return this.#cells[TOTAL.resizerProduced] ?? 0;
  }

  set produced(value: number) {
    this.#cells[TOTAL.resizerProduced] = value;
  }

  get dropped(): number {
    return this.#cells[TOTAL.resizerDropped] ?? 0;
  }

  set dropped(value: number) {
    this.#cells[TOTAL.resizerDropped] = value;
  }
}

/** Names are looked up once: a flood of errors makes no strings. */
const KINDS = new Map<number, ErrorKind>();

function kindOf(errno: number): ErrorKind {
  let kind = KINDS.get(errno);
  if (kind === undefined) {
    kind = errorKind(errorName(errno));
    KINDS.set(errno, kind);
  }
  return kind;
}
