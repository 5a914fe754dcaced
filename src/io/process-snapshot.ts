/** What can be seen of a process from outside, where it is too busy or too stuck to say anything itself. */
import { readFileSync } from 'node:fs';

export interface ProcessSnapshot {
  /** `R (running)`, `S (sleeping)`, `D (disk sleep)`, `T (stopped)`. */
  readonly state: string;
  /** The function of the kernel that it waits in; undefined: none, or we may not know. */
  readonly waitsIn: string | undefined;
  /** Of its whole life, user and system together. */
  readonly cpuMs: number;
  readonly threads: number;
  readonly memoryBytes: number;
}

/** proc(5): times are counted in ticks of 1/100 s on every platform that Node runs on. */
const TICK_MS = 10;

/** Undefined: the process is gone, or there is no /proc. */
export function processSnapshot(pid: number): ProcessSnapshot | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const value = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    return {
      state: value('State'),
      waitsIn: waitChannel(pid),
      cpuMs: cpuTicks(pid) * TICK_MS,
      threads: Number(value('Threads')),
      memoryBytes: Number.parseInt(value('VmRSS'), 10) * 1024 || 0,
    };
  } catch {
    return undefined;
  }
}

/** Fields 14 and 15 of proc(5) stat; the name before them may hold blanks and parentheses. */
function cpuTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[14 - 3]) + Number(fields[15 - 3]);
}

function waitChannel(pid: number): string | undefined {
  try {
    const name = readFileSync(`/proc/${pid}/wchan`, 'utf8').trim();
    return name === '' || name === '0' ? undefined : name;
  } catch {
    return undefined;
  }
}
