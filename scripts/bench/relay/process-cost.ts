/** What processes cost, from /proc: CPU by task, and resident memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** USER_HZ is 100 on every Linux. */
const MS_PER_TICK = 10;

export interface TaskCost {
  /** The thread's name. */
  readonly name: string;
  readonly cpuMs: number;
}

/** Task to nanoseconds on a CPU since it began: the first number of proc(5) schedstat. */
export type CpuReading = ReadonlyMap<string, { readonly name: string; readonly ns: number }>;

export function readCpu(pids: readonly number[]): CpuReading {
  return new Map(
    pids.flatMap((pid) =>
      list(`/proc/${pid}/task`).flatMap((task): [string, { name: string; ns: number }][] => {
        const folder = `/proc/${pid}/task/${task}`;
        const schedstat = read(`${folder}/schedstat`);
        // A thread that has just ended has none.
        return schedstat === ''
          ? []
          : [[task, { name: read(`${folder}/comm`).trim(), ns: Number(schedstat.split(' ')[0]) }]];
      }),
    ),
  );
}

/** What each task has used between two readings, the busiest first. A thread that ended between them is not seen. */
export function costBetween(before: CpuReading, after: CpuReading): TaskCost[] {
  return [...after]
    .map(([task, { name, ns }]) => ({ name, cpuMs: (ns - (before.get(task)?.ns ?? 0)) / 1e6 }))
    .sort((a, b) => b.cpuMs - a.cpuMs);
}

/** The kernel's own threads that move packets when too many wait: one a processor. */
export function ksoftirqdPids(): number[] {
  return list('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && read(`/proc/${name}/comm`).startsWith('ksoftirqd/'))
    .map(Number);
}

/**
 * Milliseconds in which the processors of this machine were not idle from some instant on, all together, by the first line of
 * proc(5) stat. Not by its columns of busy time: those are samples of the timer's tick, where idle time is measured.
 */
export function machineBusyMs(): number {
  const columns = (/^cpu +(.*)$/m.exec(read('/proc/stat'))?.[1] ?? '').split(' ').map(Number);
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = columns;
  return performance.now() * cpus().length - (idle + waiting + stolen) * MS_PER_TICK;
}

/** Resident bytes of these processes together. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce(
    (sum, pid) => sum + Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024,
    0,
  );
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
