/** The guardian where there is no shell: the same orders and the same end as in `guardian-script.ts`, run by Node. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { askToStop, groupExists, killGroup, signalProcess } from './process-signals.ts';
import { processesWithEnvironment, startTimeOf } from './process-table.ts';

const GRACE_MS = 1000;
const POLL_MS = 50;
const SWEEPS = 5;

/** Ends with the input. @param cookie `NAME=value` that everything of the run has in its environment */
export async function guard(cookie: string, input: Readable): Promise<void> {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGTSTP'] as const) {
    process.on(signal, () => {});
  }
  const watched = new Map<number, string>();
  for await (const line of createInterface({ input })) {
    const [verb, group, start = '-'] = line.split(' ');
    if (verb === 'bye') {
      input.destroy();
      return;
    }
    if (verb === 'watch') {
      watched.set(Number(group), start);
    } else if (verb === 'forget') {
      watched.delete(Number(group));
    }
  }
  await endGroups([...watched].filter(([group, start]) => isOurs(group, start)).map(([group]) => group));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const strays = processesWithEnvironment([cookie]);
    if (strays.length === 0) {
      break;
    }
    for (const pid of strays) {
      signalProcess(pid, 'SIGKILL');
    }
  }
}

async function endGroups(groups: readonly number[]): Promise<void> {
  for (const group of groups) {
    askToStop(-group, 'SIGTERM');
  }
  const until = performance.now() + GRACE_MS;
  while (performance.now() < until && groups.some((group) => groupExists(group))) {
    await sleep(POLL_MS);
  }
  for (const group of groups) {
    killGroup(group);
  }
}

/** A leader that is gone proves nothing against its group; one with another start time is somebody else's. */
function isOurs(group: number, start: string): boolean {
  const actual = startTimeOf(group);
  return actual === undefined || start === '-' || start === String(actual);
}
