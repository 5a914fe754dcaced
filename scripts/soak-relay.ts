/**
 * `npm run soak:relay [-- --minutes 30 --calls 300 --life-ms 30000 --plane auto --seed 1 --nice=-10]`: calls with audio
 * through ims-relay, a new one as often as one ends. Fails when a packet is lost or changed, a port or a descriptor stays
 * behind, or memory grows by more than 5 %.
 */
import { parseArgs } from 'node:util';
import { createScope } from '../test/support/scope.ts';
import { failuresOf, mib, type SoakPlan, soak } from './bench/relay/soak.ts';

async function main(): Promise<void> {
  const plan = readArguments();
  const { scope, close } = createScope();
  try {
    const report = await soak(scope, plan, console.log);
    const { calls, sent, lost, before, after, measured, resident } = report;
    console.log(
      [
        `calls       ${calls}, ${plan.calls} at a time, seed ${plan.seed}`,
        `packets     ${lost} of ${sent} lost; delay p50 ${measured.delayUs.p50} µs, p99.9 ${measured.delayUs.p999} µs`,
        `left        ${after.sessions} sessions; UDP ports ${before.udpPorts} → ${after.udpPorts}, descriptors ${before.descriptors} → ${after.descriptors}`,
        `memory      ${resident.map(mib).join(', ')}`,
      ].join('\n'),
    );
    const failures = failuresOf(plan, report);
    for (const failure of failures) {
      console.error(`FAILED: ${failure}`);
    }
    process.exitCode = failures.length === 0 ? 0 : 1;
  } finally {
    await close();
  }
}

function readArguments(): SoakPlan {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      calls: { type: 'string', default: '300' },
      'life-ms': { type: 'string', default: '30000' },
      plane: { type: 'string', default: 'auto' },
      seed: { type: 'string', default: '1' },
      nice: { type: 'string' },
    },
  });
  const numbers = { calls: Number(values.calls), lifeMs: Number(values['life-ms']), seed: Number(values.seed) };
  const seconds = Number(values.minutes) * 60;
  if (!Object.values(numbers).every((value) => Number.isInteger(value) && value > 0) || !(seconds > 0)) {
    throw new Error('--minutes, --calls, --life-ms and --seed take numbers above 0');
  }
  return { ...numbers, seconds, plane: values.plane, nice: values.nice === undefined ? null : Number(values.nice) };
}

await main();
