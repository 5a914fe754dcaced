/** What `npm run bench -- kernel` comes to: as data, and as tables. */
import { formatTable } from '../../../src/cli/table.ts';
import type { Measured } from '../relay/orders.ts';
import { lossShare } from '../relay/run.ts';
import type { Installs } from './installs.ts';
import type { Found, Ladder } from './measure.ts';
import { FLOOR, KERNEL, ROUTER } from './ways.ts';

export interface KernelResults {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly loadBefore: number;
  readonly nice: number | null;
  readonly calls: number;
  /** Packets of RTP a second that all of them were given. */
  readonly rate: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly ways: readonly WayRow[];
  readonly growth: readonly GrowthRow[];
  readonly installs: Installs | undefined;
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
}

/** Medians of the rounds. */
export interface WayRow {
  readonly name: string;
  readonly version: string;
  /** Of the whole machine, with the load generator. */
  readonly busyUs: number;
  /** The spread of the rounds. */
  readonly busyUsLeast: number;
  readonly busyUsMost: number;
  /** The same by the CPU time of load generator, relay and ksoftirqd: on a busy machine the better figure. */
  readonly tasksUs: number;
  readonly lossPercent: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly carried: number | null;
  readonly generatorLimited: boolean;
  /** Packets that were not as they should be. */
  readonly odd: number;
}

/** Of the kernel plane, at the same rate. */
export interface GrowthRow {
  readonly flows: number;
  readonly busyUs: number;
  readonly lossPercent: number;
  readonly p99Us: number;
}

export function wayRow(name: string, version: string, found: readonly Found[]): WayRow {
  const middle = (figure: (measured: Measured) => number): number =>
    rounded(median(found.map(({ measured }) => figure(measured))));
  const busy = found.map(({ measured }) => busyUs(measured));
  const ladder: Ladder | undefined = found.find((each) => each.ladder !== undefined)?.ladder;
  return {
    name,
    version,
    busyUs: rounded(median(busy)),
    busyUsLeast: rounded(Math.min(...busy)),
    busyUsMost: rounded(Math.max(...busy)),
    tasksUs: middle(tasksUs),
    lossPercent: middle((measured) => lossShare(measured) * 100),
    p50Us: middle(({ delayUs }) => delayUs.p50),
    p99Us: middle(({ delayUs }) => delayUs.p99),
    p999Us: middle(({ delayUs }) => delayUs.p999),
    carried: ladder?.carried ?? null,
    generatorLimited: ladder?.generatorLimited ?? false,
    odd: found.reduce((sum, { measured }) => sum + Object.values(measured.odd).reduce((a, b) => a + b, 0), 0),
  };
}

export function growthRow(flows: number, found: readonly Found[]): GrowthRow {
  const { busyUs: busy, lossPercent, p99Us } = wayRow('', '', found);
  return { flows, busyUs: busy, lossPercent, p99Us };
}

export function printKernelResults(results: KernelResults): void {
  const { date, machine, node, loadBefore, absent, ways } = results;
  console.log(`bench kernel, ${date}, ${machine}, Node ${node}, load average before ${loadBefore}\n`);
  console.log(`${setting(results)}\n`);
  const aligns = ['left', ...HEADS.slice(1).map(() => 'right')] as ('left' | 'right')[];
  console.log(formatTable([...HEADS], body(results), aligns, false));
  for (const { name, busyUsLeast, busyUsMost, odd } of ways) {
    const strange = odd === 0 ? '' : `; ${odd} packets not as they should be`;
    console.log(`${name}: ${busyUsLeast} to ${busyUsMost} µs in the rounds${strange}`);
  }
  console.log(`\n${sentences(results).join('\n')}`);
  for (const { name, reason } of absent) {
    console.log(`LEFT OUT: ${name}: ${reason}`);
  }
}

/** The same for a README. */
export function kernelMarkdown(results: KernelResults): string {
  const { date, machine, node, loadBefore, absent } = results;
  return [
    `${setting(results)} Everything on one machine: ${machine}, Node ${node}, ${date}, load average before it began ${loadBefore}.`,
    ...absent.map(({ name, reason }) => `Left out: ${name} (${reason}).`),
    '',
    `| ${HEADS.join(' | ')} |`,
    `|---${'|---:'.repeat(HEADS.length - 1)}|`,
    ...body(results).map((row) => `| ${row.join(' | ')} |`),
    '',
    ...sentences(results),
  ].join('\n');
}

const HEADS = [
  'way',
  'machine busy, µs a packet',
  'of the router',
  'above the floor, µs',
  'by CPU time, µs',
  'delay p50, µs',
  'p99, µs',
  'p99.9, µs',
  'packets/s at 0.1 % loss',
] as const;

function setting({ calls, rate, seconds, rounds, nice }: KernelResults): string {
  const priority = nice === null ? '' : `, relays with nice ${nice}`;
  return `Three hosts (network namespaces, veth), ${calls} calls, ${rate} packets of RTP a second and RTCP for ${seconds} s, medians of ${rounds} interleaved rounds${priority}.`;
}

function body({ ways }: KernelResults): string[][] {
  const floor = ways.find(({ name }) => name === FLOOR);
  const router = ways.find(({ name }) => name === ROUTER);
  return ways.map((row) => [
    `${row.name} ${row.version}`.trim(),
    row.busyUs.toFixed(2),
    router === undefined ? '–' : `× ${(row.busyUs / router.busyUs).toFixed(2)}`,
    floor === undefined ? '–' : (row.busyUs - floor.busyUs).toFixed(2),
    row.tasksUs.toFixed(2),
    row.p50Us.toFixed(0),
    row.p99Us.toFixed(0),
    row.p999Us.toFixed(0),
    row.carried === null ? '–' : `${row.generatorLimited ? '> ' : ''}${row.carried}`,
  ]);
}

/** The ratios that the kernel plane is judged by, how it grows, and how fast its table fills. */
function sentences({ ways, growth, installs }: KernelResults): string[] {
  const by = (wanted: string): WayRow | undefined => ways.find(({ name }) => name === wanted);
  const [kernel, router, floor] = [by(KERNEL), by(ROUTER), by(FLOOR)];
  const lines: string[] = [];
  if (kernel !== undefined && router !== undefined) {
    const ratio = (kernel.busyUs / router.busyUs).toFixed(2);
    lines.push(
      `Kernel plane ÷ plain IP router: × ${ratio} in total, × ${(kernel.p99Us / router.p99Us).toFixed(2)} in p99 delay.`,
    );
  }
  for (const other of ways.filter(({ name }) => ![FLOOR, ROUTER, KERNEL].includes(name))) {
    if (kernel !== undefined && floor !== undefined && other.busyUs > floor.busyUs) {
      const ratio = (kernel.busyUs - floor.busyUs) / (other.busyUs - floor.busyUs);
      lines.push(`Kernel plane ÷ ${other.name}, both less the floor: × ${ratio.toFixed(2)}.`);
    }
  }
  if (growth.length > 0) {
    const steps = growth.map(
      ({ flows, busyUs: busy, p99Us }) => `${flows} flows ${busy.toFixed(2)} µs (p99 ${p99Us.toFixed(0)} µs)`,
    );
    lines.push(`Kernel plane at the same rate: ${steps.join(', ')}.`);
  }
  if (installs !== undefined) {
    const { flows, table, withWays, removed } = installs;
    lines.push(
      `${flows} flows: ${table} installed a second, ${withWays} with routes and neighbour of each asked for, ${removed} removed.`,
    );
  }
  return lines;
}

function tasksUs({ tasks, generator, ksoftirqdMs, receivedInTime }: Measured): number {
  const relayMs = tasks.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  return ((relayMs + generator.cpuMs + ksoftirqdMs) * 1000) / Math.max(1, receivedInTime);
}

function busyUs({ busyMs, receivedInTime }: Measured): number {
  return (busyMs * 1000) / Math.max(1, receivedInTime);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
