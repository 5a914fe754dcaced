/** `npm run bench -- supervisor`: what supervision costs, beside doing without it and beside supervisord. */
import { isInstalled } from './installed.ts';
import type { BenchReport } from './report.ts';
import { benchIdle } from './supervisor-idle.ts';
import { benchRecovery } from './supervisor-recovery.ts';
import { benchStart } from './supervisor-start.ts';

export async function benchSupervisor(): Promise<BenchReport> {
  const hasSupervisord = isInstalled('supervisord');
  if (!hasSupervisord) {
    console.error('supervisord is not installed (apt-get install supervisor): its rows are left out');
  }
  const start = await benchStart(hasSupervisord);
  const recovery = await benchRecovery(hasSupervisord);
  const idle = await benchIdle(hasSupervisord);
  return { name: 'supervisor', tables: [start, ...recovery, ...idle] };
}
