import { readdirSync, readFileSync } from 'node:fs';

/** Time on a CPU of all threads of a process, milliseconds; schedstat counts nanoseconds where utime counts ticks. */
export function cpuMs(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((id) => {
    return Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]);
  });
  return nanoseconds.reduce((sum, value) => sum + value, 0) / 1e6;
}
