/** From the command to a system that serves. */
import { createScope } from '../../test/support/scope.ts';
import { type BenchTable, quantiles } from './report.ts';
import { type StartSystem, startImsLaunch, startShell, startSupervisord, untilReady } from './systems.ts';

/** Each way is taken so often, one after the other in every round. */
const ROUNDS = 15;

export async function benchStart(hasSupervisord: boolean): Promise<BenchTable> {
  const ways: [string, StartSystem][] = [
    ['sh: both at once, until both answer', startShell],
    ['ims-launch: relay proved, then the IMS, until "is ready"', startImsLaunch],
    ...(hasSupervisord
      ? [['supervisord: both at once, until both answer', startSupervisord] as [string, StartSystem]]
      : []),
  ];
  const times = ways.map(() => [] as number[]);
  // The first round fills the page cache and is not counted.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, [, start]] of ways.entries()) {
      const elapsedMs = await timeOf(start);
      if (round > 0) {
        times[index]?.push(elapsedMs);
      }
    }
  }
  return {
    title: `Start: from exec to a system that serves, ${ROUNDS} interleaved rounds`,
    unit: 'ms',
    rows: ways.map(([what], index) => ({ what, figures: { ...quantiles(times[index] ?? []) } })),
  };
}

async function timeOf(start: StartSystem): Promise<number> {
  const { scope, close } = createScope();
  try {
    // Choosing ports and writing files takes place before the process is made, so it is not what is measured.
    const system = await start(scope);
    await untilReady(system);
    return performance.now() - system.program.startedAt;
  } finally {
    await close();
  }
}
