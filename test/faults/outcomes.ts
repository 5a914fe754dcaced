/** What a run of fault tests showed, row by row. */
import { type FaultRow, ROWS } from './rows.ts';

/** One test that claims rows, as the reporter noted it. */
export interface Outcome {
  readonly rows: readonly number[];
  readonly result: 'passed' | 'failed' | 'skipped';
  readonly name: string;
}

export type Verdict =
  | 'passed'
  /** At least one of its tests failed. */
  | 'failed'
  /** It has tests, and all were skipped. */
  | 'skipped'
  | 'manual'
  | 'no test';

export interface JudgedRow extends FaultRow {
  readonly verdict: Verdict;
  readonly tests: number;
}

export function judgeRows(outcomes: readonly Outcome[]): JudgedRow[] {
  return ROWS.map((row) => {
    const results = outcomes.filter(({ rows }) => rows.includes(row.number)).map(({ result }) => result);
    return { ...row, verdict: verdictOf(row, results), tests: results.length };
  });
}

function verdictOf({ manual }: FaultRow, results: readonly Outcome['result'][]): Verdict {
  if (results.includes('failed')) {
    return 'failed';
  }
  if (results.includes('passed')) {
    return 'passed';
  }
  return manual !== undefined ? 'manual' : results.length > 0 ? 'skipped' : 'no test';
}

/** Claims of rows that do not exist: a slip in a test's name. */
export function unknownRows(outcomes: readonly Outcome[]): number[] {
  return outcomes.flatMap(({ rows }) => rows.filter((number) => !ROWS.some((row) => row.number === number)));
}

/** The line that sums a run up: `100 faults: 97 automated and passed, 2 manual (7: why; 8: why), 1 no test (12)`. */
export function summary(judged: readonly JudgedRow[]): string {
  const parts = VERDICTS.flatMap(([verdict, title]) => {
    const rows = judged.filter((row) => row.verdict === verdict);
    const details = rows.map(({ number, manual }) => (verdict === 'manual' ? `${number}: ${manual}` : `${number}`));
    const shown =
      verdict === 'passed' || rows.length === 0 ? '' : ` (${details.join(verdict === 'manual' ? '; ' : ', ')})`;
    return rows.length === 0 && !ALWAYS_SHOWN.has(verdict) ? [] : [`${rows.length} ${title}${shown}`];
  });
  return `${judged.length} faults: ${parts.join(', ')}`;
}

const VERDICTS: readonly (readonly [Verdict, string])[] = [
  ['passed', 'automated and passed'],
  ['manual', 'manual'],
  ['failed', 'failed'],
  ['skipped', 'skipped'],
  ['no test', 'without a test'],
];

const ALWAYS_SHOWN: ReadonlySet<Verdict> = new Set(['passed', 'manual']);
