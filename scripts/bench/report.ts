/** What a bench found, for people and as data. */
import { cpus, release } from 'node:os';
import { formatTable } from '../../src/cli/table.ts';

export interface BenchReport {
  readonly name: string;
  readonly tables: readonly BenchTable[];
}

export interface BenchTable {
  /** What is measured, from what to what, in one sentence. */
  readonly title: string;
  /** The first row is what the others are compared with. */
  readonly rows: readonly BenchRow[];
  readonly unit: string;
}

export interface BenchRow {
  readonly what: string;
  /** Names of figures to values; undefined: could not be measured here. */
  readonly figures: Readonly<Record<string, number>> | undefined;
  /** In place of figures, or beside them. */
  readonly note?: string;
}

export interface Quantiles {
  readonly p50: number;
  readonly max: number;
  /** How many values. */
  readonly n: number;
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  return { p50: rank(sorted, 0.5), max: rank(sorted, 1), n: sorted.length };
}

/** For values of which there are enough to have a 99th percentile. */
export function tail(values: readonly number[]): Quantiles & { readonly p99: number } {
  const sorted = Float64Array.from(values).sort();
  return { p50: rank(sorted, 0.5), p99: rank(sorted, 0.99), max: rank(sorted, 1), n: sorted.length };
}

function rank(sorted: Float64Array, share: number): number {
  const value = sorted[Math.floor((sorted.length - 1) * share)];
  if (value === undefined) {
    throw new Error('no values');
  }
  return value;
}

export function describeMachine(): Readonly<Record<string, string>> {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpu?.model.trim() ?? process.arch}, Linux ${release()}`,
    node: process.version,
  };
}

export function printReport({ name, tables }: BenchReport): void {
  const { date, machine, node } = describeMachine();
  console.log(`bench ${name}, ${date}, ${machine}, Node ${node}`);
  for (const { title, unit, rows } of tables) {
    const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures ?? {})))];
    const [reference] = names.filter((figure) => figure !== 'n');
    const base = reference === undefined ? undefined : rows[0]?.figures?.[reference];
    const body = rows.map(({ what, figures, note = '' }) => {
      const value = reference === undefined ? undefined : figures?.[reference];
      const ratio = value === undefined || base === undefined || base === 0 ? '' : `× ${(value / base).toFixed(2)}`;
      return [what, ...names.map((figure) => formatFigure(figures?.[figure])), ratio, note];
    });
    const head = ['', ...names.map((figure) => (figure === 'n' ? 'n' : `${figure}, ${unit}`)), `of ${reference}`, ''];
    const aligns = ['left', ...names.map(() => 'right'), 'right', 'left'] as ('left' | 'right')[];
    console.log(`\n${title}\n${formatTable(head, body, aligns, false)}`);
  }
}

function formatFigure(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0);
}
