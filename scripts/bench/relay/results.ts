/** What all runs of a bench come to: a row a relay, as data and as tables. */
import { formatTable } from '../../../src/cli/table.ts';
import type { Oddities } from './generator.ts';
import type { TaskCost } from './process-cost.ts';
import { cpuUsPerPacket, lossShare, type Run } from './run.ts';

export interface RelayResults {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  /** Load average before the first run: other work on the machine. */
  readonly loadBefore: number;
  /** Of the relays, where it is not that of other programs; null: it is. */
  readonly nice: number | null;
  readonly calls: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly relays: readonly RelayRow[];
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
}

/** Medians of the rounds; limits from the ladder of calls. */
export interface RelayRow {
  readonly name: string;
  readonly version: string;
  readonly ours: boolean;
  readonly figures: Figures;
  /** Most calls that stayed below the allowed loss; null where none did, or the ladder was left out. */
  readonly carried: number | null;
  /** The generator was at its own end, not the relay: `figures.limitCalls` is no limit of the relay's. */
  readonly generatorLimited: boolean;
  readonly odd: Oddities;
  /** Threads of the relay that took part, the busiest first; of the last round. */
  readonly tasks: readonly TaskCost[];
  /** Share of one core that the load generator took. */
  readonly generatorCores: number;
}

export interface Figures {
  readonly lossPercent: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** First number of calls of the ladder whose loss was above; null: none was, or it was left out. */
  readonly limitCalls: number | null;
  readonly sessionKib: number;
}

interface Column {
  readonly figure: keyof Figures;
  readonly head: string;
  readonly digits: number;
}

export const ALLOWED_LOSS = 0.001;

const COLUMNS: readonly Column[] = [
  { figure: 'lossPercent', head: 'loss, %', digits: 3 },
  { figure: 'cpuUs', head: 'CPU, µs a packet', digits: 1 },
  { figure: 'p50Ms', head: 'delay p50, ms', digits: 2 },
  { figure: 'p99Ms', head: 'p99, ms', digits: 2 },
  { figure: 'p999Ms', head: 'p99.9, ms', digits: 2 },
  { figure: 'limitCalls', head: 'calls at 0.1 % loss', digits: 0 },
  { figure: 'sessionKib', head: 'KiB a session', digits: 1 },
];

export interface Limit {
  readonly limitCalls: number | null;
  readonly carried: number | null;
  readonly generatorLimited: boolean;
}

export const NO_LADDER: Limit = { limitCalls: null, carried: null, generatorLimited: false };

export function summarise(
  { name, version, ours }: Pick<RelayRow, 'name' | 'version' | 'ours'>,
  runs: readonly Run[],
  limit: Limit,
): RelayRow {
  const middle = (figure: (run: Run) => number): number => median(runs.map(figure));
  const last = runs.at(-1);
  if (last === undefined) {
    throw new Error(`no run of ${name}`);
  }
  const odd = { ...last.odd };
  for (const run of runs.slice(0, -1)) {
    for (const kind of Object.keys(odd) as (keyof Oddities)[]) {
      odd[kind] += run.odd[kind];
    }
  }
  return {
    name,
    version,
    ours,
    figures: {
      lossPercent: rounded(middle(lossShare) * 100),
      cpuUs: rounded(middle(cpuUsPerPacket)),
      p50Ms: rounded(middle(({ delayUs }) => delayUs.p50) / 1000),
      p99Ms: rounded(middle(({ delayUs }) => delayUs.p99) / 1000),
      p999Ms: rounded(middle(({ delayUs }) => delayUs.p999) / 1000),
      limitCalls: limit.limitCalls,
      sessionKib: rounded(
        middle(({ calls, residentIdleBytes, residentLoadedBytes }) => {
          return (residentLoadedBytes - residentIdleBytes) / 1024 / calls;
        }),
      ),
    },
    carried: limit.carried,
    generatorLimited: limit.generatorLimited,
    odd,
    tasks: last.tasks.filter(({ cpuMs }) => cpuMs >= last.seconds * 10),
    generatorCores: rounded(middle(({ generator, seconds }) => generator.cpuMs / 1000 / seconds)),
  };
}

export function printResults(results: RelayResults): void {
  const { date, machine, node, loadBefore, calls, seconds, rounds, relays, absent } = results;
  console.log(`bench relay, ${date}, ${machine}, Node ${node}, load average before ${loadBefore}${niceness(results)}`);
  console.log(
    `\n${calls} calls, G.711 of 20 ms and RTCP both ways, ${seconds} s, medians of ${rounds} interleaved rounds`,
  );
  const heads = COLUMNS.map(({ head }) => head);
  const aligns = ['left', ...COLUMNS.map(() => 'right')] as ('left' | 'right')[];
  console.log(formatTable(['', ...heads], tableBody(results), aligns, false));
  for (const { name, odd, tasks, generatorCores } of relays) {
    const strange = Object.entries(odd).filter(([, count]) => count > 0);
    const threads = tasks.map(({ name: thread, cpuMs }) => `${thread} ${cpuMs.toFixed(0)} ms`).join(', ');
    console.log(`${name}: ${threads}; the load generator took ${generatorCores.toFixed(2)} cores`);
    if (strange.length > 0) {
      console.log(`${name}: not as it should be: ${strange.map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
    }
  }
  for (const { name, reason } of absent) {
    console.log(`LEFT OUT: ${name}: ${reason}`);
  }
}

/** The same for a README. */
export function markdownTable(results: RelayResults): string {
  const { date, machine, node, loadBefore, calls, seconds, rounds, absent } = results;
  const heads = ['relay', ...COLUMNS.map(({ head }) => head)];
  return [
    `${calls} calls, G.711 of 20 ms and RTCP both ways for ${seconds} s, medians of ${rounds} interleaved rounds.`,
    `Everything on one machine: ${machine}, Node ${node}, ${date}, load average before it began ${loadBefore}${niceness(results)}.`,
    ...absent.map(({ name, reason }) => `Left out: ${name} (${reason}).`),
    '',
    `| ${heads.join(' | ')} |`,
    `|---${'|---:'.repeat(COLUMNS.length)}|`,
    ...tableBody(results).map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}

function niceness({ nice }: RelayResults): string {
  return nice === null ? '' : `, relays with nice ${nice}`;
}

/** A row a relay, then a row for each of ours beside each of theirs. */
function tableBody({ relays }: RelayResults): string[][] {
  const theirs = relays.filter(({ ours }) => !ours);
  return [
    ...relays.map((row) => [`${row.name} ${row.version}`.trim(), ...COLUMNS.map((column) => cell(row, column))]),
    ...relays
      .filter(({ ours }) => ours)
      .flatMap((ours) =>
        theirs.map((peer) => [
          `${ours.name} ÷ ${peer.name}`,
          ...COLUMNS.map(({ figure }) => ratio(ours, peer, figure)),
        ]),
      ),
  ];
}

function cell({ figures, carried, generatorLimited }: RelayRow, { figure, digits }: Column): string {
  const value = figures[figure];
  if (figure === 'limitCalls' && (value === null || generatorLimited)) {
    return carried === null ? '–' : `> ${carried}`;
  }
  return value === null ? '–' : value.toFixed(digits);
}

function ratio(ours: RelayRow, peer: RelayRow, figure: keyof Figures): string {
  if (figure === 'limitCalls' && (ours.generatorLimited || peer.generatorLimited)) {
    return '–';
  }
  const [above, below] = [ours.figures[figure], peer.figures[figure]];
  return above === null || below === null || below <= 0 ? '–' : `× ${(above / below).toFixed(2)}`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

/** Four significant digits: more would only make the file's changes longer. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
