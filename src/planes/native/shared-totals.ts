/** Counters of one worker over all its sessions, and the flag that says that orders wait for it. */
import type { PlaneTotals } from '../../relay/plane.ts';

/** Errors that are told apart; all others are one kind. */
export const ERROR_KINDS = [
  'other',
  'EAGAIN',
  'ENOBUFS',
  'EPERM',
  'EACCES',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EMSGSIZE',
  'EINVAL',
  'EAFNOSUPPORT',
  'EADDRNOTAVAIL',
] as const;

export type ErrorKind = (typeof ERROR_KINDS)[number];

export const TOTAL = {
  received: 0,
  relayed: 1,
  discarded: 2,
  resizerTaken: 3,
  resizerProduced: 4,
  resizerDropped: 5,
  /** Copies of tapped packets for which there was no room. */
  copiesLost: 6,
  errors: 7,
} as const;

const CELLS = TOTAL.errors + ERROR_KINDS.length;

export class SharedTotals {
  readonly memory: SharedArrayBuffer;
  /** By TOTAL; the errors by their place in ERROR_KINDS. */
  readonly cells: Float64Array;
  readonly #flags: Int32Array;

  constructor(memory = new SharedArrayBuffer(CELLS * 8 + 8)) {
    this.memory = memory;
    this.cells = new Float64Array(memory, 0, CELLS);
    this.#flags = new Int32Array(memory, CELLS * 8, 2);
  }

  /** False: it is told already that orders wait. */
  announceOrders(): boolean {
    return Atomics.exchange(this.#flags, 0, 1) === 0;
  }

  /** True: orders wait; asked for before they are read. */
  takeOrders(): boolean {
    return Atomics.load(this.#flags, 0) !== 0 && Atomics.exchange(this.#flags, 0, 0) !== 0;
  }

  of(name: keyof typeof TOTAL): number {
    return this.cells[TOTAL[name]] ?? 0;
  }

  errorsOf(kind: ErrorKind): number {
    return this.cells[TOTAL.errors + ERROR_KINDS.indexOf(kind)] ?? 0;
  }
}

/** The sum over all workers; `played` and the control thread's own errors on top. */
export class SummedTotals implements PlaneTotals {
  readonly #workers: () => readonly SharedTotals[];
  played = 0;
  readonly #playErrors: Record<ErrorKind, number>;

  constructor(workers: () => readonly SharedTotals[]) {
    this.#workers = workers;
    this.#playErrors = Object.fromEntries(ERROR_KINDS.map((kind) => [kind, 0])) as Record<ErrorKind, number>;
  }

  get received(): number {
    return this.#sum('received');
  }

  get relayed(): number {
    return this.#sum('relayed');
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

  countPlayError(code: string): void {
    this.#playErrors[errorKind(code)] += 1;
  }

  #sum(name: keyof typeof TOTAL): number {
    return this.#workers().reduce((sum, totals) => sum + totals.of(name), 0);
  }
}

export function errorKind(code: string): ErrorKind {
  return ERROR_KINDS.find((kind) => kind === code) ?? 'other';
}
