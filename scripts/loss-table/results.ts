/** What `npm run loss-table` finds, and its table. */

export interface LossResults {
  /** Calls behind each figure. */
  readonly calls: number;
  readonly losses: readonly number[];
  readonly rows: readonly {
    readonly scenario: string;
    /** Calls that ended as meant, for each loss. */
    readonly asMeant: readonly number[];
    /** Calls that left a timer, a transaction, a dialog or a relay session behind, or the caller busy. */
    readonly unclean: readonly number[];
    /** Calls whose callee rang on, since nothing that it said arrived. */
    readonly ringOn: readonly number[];
    /** Datagrams a call, for each loss. */
    readonly datagrams: readonly number[];
  }[];
}

/** For the README. */
export function lossMarkdown({ calls, losses, rows }: LossResults): string {
  const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`;
  const sums = (pick: (row: LossResults['rows'][number]) => readonly number[]): number[] =>
    losses.map((_, index) => rows.reduce((sum, row) => sum + (pick(row)[index] ?? 0), 0));
  const body: readonly (readonly [string, readonly (string | number)[]])[] = [
    ...rows.map(({ scenario, asMeant }) => [scenario, asMeant.map((count) => percent(count / calls))] as const),
    [
      'datagrams a call',
      losses.map((_, index) => Math.round((sums((row) => row.datagrams)[index] ?? 0) / rows.length)),
    ],
    [`left anything behind, of ${calls * rows.length} calls`, sums(({ unclean }) => unclean)],
    ['callee rang on: nothing that it said arrived', sums(({ ringOn }) => ringOn)],
  ];
  return [
    `| datagrams lost on each link | ${losses.map(percent).join(' | ')} |`,
    `|---|${losses.map(() => '--:').join('|')}|`,
    ...body.map(([name, cells]) => `| ${name} | ${cells.join(' | ')} |`),
  ].join('\n');
}
