/** Whose turn it is on a busy machine. */
import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Gives a process, its threads so far and its session this nice value. Both: where the kernel groups the CPU by
 * sessions (sched(7), autogroup), a thread's own value only counts among its session. False: not ours to change.
 */
export function setNice(pid: number, nice: number): boolean {
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      setPriority(Number(task), nice);
    }
    setGroupNice(pid, nice);
    return true;
  } catch {
    return false;
  }
}

function setGroupNice(pid: number, nice: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, `${nice}`);
  } catch (error) {
    // A kernel without autogroups has no such file.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
  }
}
