/** What a supervisor takes for itself while nothing happens. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createScope } from '../../test/support/scope.ts';
import { cpuMs } from './cpu.ts';
import type { BenchTable } from './report.ts';
import { pidOf, startImsLaunch, startSupervisord, untilReady } from './systems.ts';

const IDLE_MS = 60_000;
/** What was left over from the start is not the cost of idleness. */
const SETTLE_MS = 5000;

export async function benchIdle(hasSupervisord: boolean): Promise<BenchTable[]> {
  const { scope, close } = createScope();
  try {
    const launcher = await startImsLaunch(scope);
    await untilReady(launcher);
    const processes: [string, number][] = [
      ['ims-launch', launcher.program.pid],
      ['ims-launch, its guardian', pidOf(launcher.program, 'ims-launch-guardian')],
    ];
    if (hasSupervisord) {
      const supervisord = await startSupervisord(scope);
      await untilReady(supervisord);
      processes.push(['supervisord', pidOf(supervisord.program, 'supervisord')]);
    }
    await sleep(SETTLE_MS);
    const before = processes.map(([, pid]) => cpuMs(pid));
    await sleep(IDLE_MS);
    const after = processes.map(([, pid]) => cpuMs(pid));
    return [
      {
        title: `CPU time of the supervisor in ${IDLE_MS / 1000} idle seconds`,
        unit: 'ms',
        rows: processes.map(([what], index) => ({
          what,
          figures: { CPU: (after[index] ?? Number.NaN) - (before[index] ?? Number.NaN) },
        })),
      },
      {
        title: 'Memory of the supervisor then (PSS counts a shared page by the share)',
        unit: 'MiB',
        rows: processes.map(([what, pid]) => ({
          what,
          figures: { RSS: memoryMib(pid, 'Rss'), PSS: memoryMib(pid, 'Pss') },
        })),
      },
    ];
  } finally {
    await close();
  }
}

function memoryMib(pid: number, field: 'Rss' | 'Pss'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+([0-9]+) kB$`, 'm').exec(text)?.[1]) / 1024;
}
