/**
 * `npm run bench -- kernel [--calls 400] [--rate 40000] [--seconds 5] [--rounds 3] [--only NAME,NAME] [--no-ladder]`: what
 * it costs the whole machine to get a packet from one host to another over a third one, by the kernel plane and by others.
 * A share of it is work inside system calls of the load generator, where veth and softirq put it, so no process's own CPU
 * time would tell; the machine's idle time does.
 */
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { createScope } from '../../../test/support/scope.ts';
import { isInstalled } from '../installed.ts';
import { describeMachine } from '../report.ts';
import { measureInstalls } from './installs.ts';
import { type Lab, openLab } from './lab.ts';
import { type Found, measureWay } from './measure.ts';
import { type GrowthRow, growthRow, type KernelResults, wayRow } from './results.ts';
import { KERNEL, WAYS, type Way } from './ways.ts';

export interface KernelBenchOptions {
  readonly calls: number;
  /** Packets of RTP a second, all parties together. */
  readonly rate: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly only: readonly string[] | undefined;
  readonly ladder: boolean;
  readonly nice: number | null;
}

/** Flows between which the kernel plane should not become dearer, as many as there may be open files. */
const GROWTH_FLOWS = [100, 1000, 10_000];
const GROWTH_ROUNDS = 2;
const FILES_PER_CALL = 4;
/** Of a relay without calls, and some to spare. */
const OTHER_FILES = 400;
const INSTALLS = 10_000;

/** @throws Error without root: the lab needs network namespaces */
export async function benchKernel(options: KernelBenchOptions): Promise<KernelResults> {
  if (process.geteuid?.() !== 0) {
    throw new Error('the bench "kernel" builds network namespaces and loads programs: run it as root');
  }
  const loadBefore = Number((loadavg()[0] ?? 0).toFixed(1));
  const { scope, close } = createScope();
  try {
    const lab = await openLab(scope);
    const wanted = WAYS.filter(({ name }) => options.only === undefined || options.only.includes(name));
    const absent = wanted.flatMap(({ name, program }) => {
      return program === undefined || isInstalled(program) ? [] : [{ name, reason: `${program} is not installed` }];
    });
    const found = await measureAll(lab, wanted, absent, options);
    const hasKernel = found.some(([{ name }]) => name === KERNEL);
    const { date = '', machine = '', node = '' } = describeMachine();
    const { nice, calls, rate, seconds, rounds } = options;
    return {
      ...{ date, machine, node, loadBefore, nice, calls, rate, seconds, rounds },
      ways: found.map(([{ name, version }, runs]) => wayRow(name, version, runs)),
      growth: hasKernel ? await measureGrowth(lab, options) : [],
      installs: hasKernel ? measureInstalls(lab, INSTALLS) : undefined,
      absent,
    };
  } finally {
    await close();
  }
}

/** Rounds are interleaved; a way that fails is left out from then on, with its reason. */
async function measureAll(
  lab: Lab,
  wanted: readonly Way[],
  absent: { name: string; reason: string }[],
  { calls, rate, seconds, rounds, ladder, nice }: KernelBenchOptions,
): Promise<[Way, Found[]][]> {
  const runs = new Map<Way, Found[]>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of wanted) {
      if (absent.some(({ name }) => name === way.name)) {
        continue;
      }
      const plan = { calls, rate, measureMs: seconds * 1000, nice, ladder: ladder && round === rounds };
      try {
        const found = await measureWay(lab, way, plan);
        runs.set(way, [...(runs.get(way) ?? []), found]);
        const { busyMs, receivedInTime, delayUs } = found.measured;
        const busy = ((busyMs * 1000) / Math.max(1, receivedInTime)).toFixed(2);
        console.error(`round ${round} of ${rounds}: ${way.name}: ${busy} µs a packet, p99 ${delayUs.p99} µs`);
      } catch (error) {
        const reason = (error as Error).message.split('\n')[0] ?? '';
        console.error((error as Error).message);
        absent.push({ name: way.name, reason });
        console.error(`LEFT OUT: ${way.name}: ${reason}`);
      }
    }
  }
  return [...runs];
}

async function measureGrowth(lab: Lab, { rate, seconds, nice }: KernelBenchOptions): Promise<GrowthRow[]> {
  const kernel = WAYS.find(({ name }) => name === KERNEL);
  const most = Math.floor((openFileLimit() - OTHER_FILES) / FILES_PER_CALL) * 2;
  const steps = GROWTH_FLOWS.map((flows) => Math.min(flows, most));
  const found = new Map<number, Found[]>(steps.map((flows) => [flows, []]));
  for (let round = 1; round <= GROWTH_ROUNDS; round += 1) {
    for (const flows of found.keys()) {
      console.error(`round ${round} of ${GROWTH_ROUNDS}: ${flows} flows`);
      const plan = { calls: flows / 2, rate, measureMs: seconds * 1000, nice, ladder: false };
      try {
        if (kernel !== undefined) {
          found.get(flows)?.push(await measureWay(lab, kernel, plan));
        }
      } catch (error) {
        console.error(`LEFT OUT: ${flows} flows: ${(error as Error).message}`);
      }
    }
  }
  return [...found].flatMap(([flows, runs]) => (runs.length === 0 ? [] : [growthRow(flows, runs)]));
}

/** What a program can raise its limit to. */
function openFileLimit(): number {
  const [, hard = ''] = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
