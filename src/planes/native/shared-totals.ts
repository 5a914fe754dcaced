/** Counters of one worker over all its sessions, the flag that says that orders wait for it, and its turns. */
import type { FlowState } from '../../relay/media/flow-states.ts';
import { ERROR_KINDS, type ErrorKind, errorKind, PACKET_KINDS, type PacketKind } from '../../relay/media/kinds.ts';
import type { PlaneTotals } from '../../relay/plane.ts';

export const TOTAL = {
  received: 0,
  relayed: 1,
  discarded: 2,
  resizerTaken: 3,
  resizerProduced: 4,
  resizerDropped: 5,
  /** Copies of tapped packets for which there was no room. */
  copiesLost: 6,
  /** Of `relayed`: by the kernel. */
  inKernel: 7,
  errors: 8,
  refused: 8 + ERROR_KINDS.length,
} as const;

const CELLS = TOTAL.refused + PACKET_KINDS.length;

/** Words behind the cells. */
const ORDERS = 0;
const TURNS = 1;
/** Odd while the worker moves packets of the kernel's into the cells. */
const JOINS = 2;
const WORDS = 3;

/** A worker may be interrupted half way, for as long as the machine likes: then what was known last is told. */
const MAX_LOOKS = 20;
const LOOK_MS = 1;

export class SharedTotals {
  readonly memory: SharedArrayBuffer;
  /** By TOTAL; errors and refused packets by their place in ERROR_KINDS and PACKET_KINDS. */
  readonly cells: Float64Array;
  readonly #flags: Int32Array;

  constructor(memory = new SharedArrayBuffer(CELLS * 8 + WORDS * 8)) {
    this.memory = memory;
    this.cells = new Float64Array(memory, 0, CELLS);
    this.#flags = new Int32Array(memory, CELLS * 8, WORDS);
  }

  /** False: it is told already that orders wait. */
  announceOrders(): boolean {
    return Atomics.exchange(this.#flags, ORDERS, 1) === 0;
  }

  /** The worker's: its loop has come round again. */
  countTurn(): void {
    this.#flags[TURNS] = ((this.#flags[TURNS] as number) + 1) | 0;
  }

  /** Another number as long as the worker is not stuck. */
  get turns(): number {
    return Atomics.load(this.#flags, TURNS);
  }

  /** True: orders wait; asked for before they are read. */
  takeOrders(): boolean {
    return Atomics.load(this.#flags, ORDERS) !== 0 && Atomics.exchange(this.#flags, ORDERS, 0) !== 0;
  }

  /** The worker's: what `act` does to the legs and what it does to the cells are one to those who read both. */
  join(act: () => void): void {
    Atomics.store(this.#flags, JOINS, this.joins | 1);
    try {
      act();
    } finally {
      this.endJoin();
    }
  }

  /** Also for a worker that has died half way. */
  endJoin(): void {
    Atomics.store(this.#flags, JOINS, ((this.joins | 1) + 1) | 0);
    Atomics.notify(this.#flags, JOINS);
  }

  /** Until the join that goes on is over, or so long. */
  waitForJoin(limitMs: number): void {
    const { joins } = this;
    if (joins % 2 !== 0) {
      Atomics.wait(this.#flags, JOINS, joins, limitMs);
    }
  }

  /** Even, and another number after each join. */
  get joins(): number {
    return Atomics.load(this.#flags, JOINS);
  }

  of(name: keyof typeof TOTAL): number {
    return this.cells[TOTAL[name]] ?? 0;
  }

  errorsOf(kind: ErrorKind): number {
    return this.cells[TOTAL.errors + ERROR_KINDS.indexOf(kind)] ?? 0;
  }

  refusedOf(kind: PacketKind): number {
    return this.cells[TOTAL.refused + PACKET_KINDS.indexOf(kind)] ?? 0;
  }
}

/** What the workers have not counted yet. */
export interface KernelCounts {
  /** Packets that the kernel has passed on since they were joined last. */
  pending(): number;
  flows(): ReadonlyMap<FlowState, number>;
}

/** The sum over all workers; `played` and the control thread's own errors on top. */
export class SummedTotals implements PlaneTotals {
  readonly #workers: () => readonly SharedTotals[];
  readonly #kernel: KernelCounts;
  played = 0;
  readonly #playErrors: Record<ErrorKind, number>;
  /** As they were told last. */
  #known = { received: 0, relayed: 0, inKernel: 0 };

  constructor(workers: () => readonly SharedTotals[], kernel: KernelCounts) {
    this.#workers = workers;
    this.#kernel = kernel;
    this.#playErrors = Object.fromEntries(ERROR_KINDS.map((kind) => [kind, 0])) as Record<ErrorKind, number>;
  }

  get received(): number {
    return this.#sumWithKernel('received');
  }

  get relayed(): number {
    return this.#sumWithKernel('relayed');
  }

  get inKernel(): number {
    return this.#sumWithKernel('inKernel');
  }

  flows(): ReadonlyMap<FlowState, number> {
    return this.#kernel.flows();
  }

  get discarded(): number {
    return this.#sum('discarded');
  }

  get resizer(): PlaneTotals['resizer'] {
    const [taken, produced, dropped] = [
      this.#sum('resizerTaken'),
      this.#sum('resizerProduced'),
      this.#sum('resizerDropped'),
    ];
    return { taken, produced, dropped };
  }

  get errors(): number {
    return ERROR_KINDS.reduce((sum, kind) => sum + this.errorsOf(kind), 0);
  }

  errorsOf(kind: ErrorKind): number {
    return this.#workers().reduce((sum, totals) => sum + totals.errorsOf(kind), this.#playErrors[kind]);
  }

  refusedOf(kind: PacketKind): number {
    return this.#workers().reduce((sum, totals) => sum + totals.refusedOf(kind), 0);
  }

  countPlayError(code: string): void {
    this.#playErrors[errorKind(code)] += 1;
  }

  /** A packet that moves from the kernel's count to a worker's is neither missed nor counted twice. */
  #sumWithKernel(name: 'received' | 'relayed' | 'inKernel'): number {
    const workers = this.#workers();
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const busy = workers.find(({ joins }) => joins % 2 !== 0);
      if (busy !== undefined) {
        busy.waitForJoin(LOOK_MS);
        continue;
      }
      const before = workers.map(({ joins }) => joins);
      const pending = this.#kernel.pending();
      const [received, relayed, inKernel] = [this.#sum('received'), this.#sum('relayed'), this.#sum('inKernel')];
      if (workers.every(({ joins }, index) => joins === before[index])) {
        // Together, so that what is told last of one never contradicts the others.
        this.#known = { received: received + pending, relayed: relayed + pending, inKernel: inKernel + pending };
        break;
      }
    }
    return this.#known[name];
  }

  #sum(name: keyof typeof TOTAL): number {
    return this.#workers().reduce((sum, totals) => sum + totals.of(name), 0);
  }
}
