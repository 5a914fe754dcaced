/** What watching costs, and how soon it tells: as data, and as the README's table. */
export interface ObserveResults {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly loadBefore: number;
  readonly calls: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Medians of the rounds, microseconds of CPU a packet, native plane. */
  readonly quality: { readonly withUs: number; readonly withoutUs: number; readonly ratio: number };
  /** Share of one core, percent; of all rounds in turn. */
  readonly dashboard: { readonly percent: number; readonly perRound: readonly number[] };
  /** Milliseconds from a party's last packet, or from the answer, to the line in the log. */
  readonly mute: Delays;
  readonly neverHeard: Delays;
}

export interface Delays {
  readonly p50: number;
  readonly max: number;
  readonly n: number;
}

interface Row {
  readonly what: string;
  readonly figure: (results: ObserveResults) => string;
  readonly wanted: string;
}

const ROWS: readonly Row[] = [
  {
    what: 'CPU a packet with loss, jitter, gaps and MOS of every call, of that without',
    figure: ({ quality: { ratio, withUs, withoutUs } }) =>
      `× ${ratio.toFixed(3)} (${withUs.toFixed(2)} and ${withoutUs.toFixed(2)} µs)`,
    wanted: '≤ 1.05',
  },
  {
    what: 'a page of the dashboard open: launcher, IMS and the relay’s main thread',
    figure: ({ dashboard }) => `${dashboard.percent.toFixed(2)} % of a core`,
    wanted: '≤ 2 %',
  },
  { what: 'a party’s last packet to its alarm', figure: ({ mute }) => delays(mute), wanted: '≤ 3 s' },
  {
    what: 'answer to the alarm for a party that is never heard',
    figure: ({ neverHeard }) => delays(neverHeard),
    wanted: '≤ 3 s',
  },
];

export function observeMarkdown(results: ObserveResults): string {
  const { date, machine, node, loadBefore, calls, seconds, rounds } = results;
  return [
    `${calls} calls, G.711 of 20 ms and RTCP both ways for ${seconds} s, medians of ${rounds} interleaved rounds; ${machine}, Node ${node}, ${date},`,
    `load average before it began ${loadBefore}.`,
    '',
    '| what | figure | wanted |',
    '|---|---:|---:|',
    ...ROWS.map(({ what, figure, wanted }) => `| ${what} | ${figure(results)} | ${wanted} |`),
  ].join('\n');
}

export function printObserveResults(results: ObserveResults): void {
  for (const { what, figure, wanted } of ROWS) {
    console.log(`${what}: ${figure(results)}; wanted ${wanted}`);
  }
}

function delays({ p50, max, n }: Delays): string {
  return `p50 ${(p50 / 1000).toFixed(2)} s, max ${(max / 1000).toFixed(2)} s, n ${n}`;
}
