/** What the launcher holds, and whether that became more. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatTable } from '../../src/cli/table.ts';
import type { Program } from '../../test/support/program.ts';

export interface Sample {
  readonly descriptors: number;
  readonly threads: number;
  /** Children of the launcher that have ended and were not waited for. */
  readonly zombies: number;
  readonly rssMib: number;
  /** Time on a CPU while nothing happens: a timer that was forgotten, or a listener, shows here. */
  readonly idleCpuMs: number;
}

const IDLE_MS = 4000;

/** Descriptors come and go with watchers and connections that are about to close. */
const EXTRA_DESCRIPTORS = 3;
/** The rings of events and lines fill only now, and a sample before a collection shows more than one after it: MiB. */
const EXTRA_RSS_MIB = 16;
/** A health check more or less in the time that is looked at, and other work of the machine. */
const IDLE_CPU_FACTOR = 2;
const EXTRA_IDLE_CPU_MS = 60;

/** To be called when the system is ready; takes `IDLE_MS`. */
export async function measure(launcher: Program): Promise<Sample> {
  const { pid } = launcher;
  const before = cpuMs(pid);
  await sleep(IDLE_MS);
  return {
    idleCpuMs: cpuMs(pid) - before,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    zombies: childrenOf(pid).filter((child) => stateOf(child) === 'Z').length,
    rssMib: Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
  };
}

export interface TimedSample {
  readonly afterEvents: number;
  readonly sample: Sample;
}

export function formatSamples(samples: readonly TimedSample[]): string {
  const rows = samples.map(({ afterEvents, sample: { descriptors, threads, zombies, rssMib, idleCpuMs } }) => {
    return [`after ${afterEvents}`, descriptors, threads, zombies, rssMib.toFixed(1), idleCpuMs.toFixed(0)];
  });
  const head = ['events', 'descriptors', 'threads', 'zombies', 'RSS, MiB', `CPU in ${IDLE_MS / 1000} idle s, ms`];
  return formatTable(head, rows, ['left', 'right', 'right', 'right', 'right', 'right'], false);
}

/** What grew beyond its limit between the first and the last sample, in sentences. */
export function growthOf(samples: readonly TimedSample[]): string[] {
  const first = samples[0]?.sample;
  const last = samples.at(-1)?.sample;
  if (first === undefined || last === undefined || first === last) {
    throw new Error('nothing was measured that could be compared');
  }
  const limits: readonly [string, number, number][] = [
    ['descriptors', last.descriptors, first.descriptors + EXTRA_DESCRIPTORS],
    ['threads', last.threads, first.threads],
    ['zombies', last.zombies, 0],
    ['MiB of memory', last.rssMib, first.rssMib + EXTRA_RSS_MIB],
    ['ms of CPU while idle', last.idleCpuMs, first.idleCpuMs * IDLE_CPU_FACTOR + EXTRA_IDLE_CPU_MS],
  ];
  return limits.flatMap(([what, value, limit]) => {
    return value <= limit
      ? []
      : [`the launcher has ${value.toFixed(0)} ${what} at the end, more than ${limit.toFixed(0)}`];
  });
}

function cpuMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function stateOf(pid: number): string | undefined {
  try {
    return /^State:\s+([A-Z])/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
