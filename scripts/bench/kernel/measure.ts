/** One run: a way is opened, calls talk over it, and it is measured; then, if asked, ever faster until packets are lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createScope, type Scope } from '../../../test/support/scope.ts';
import { LoadGenerator } from '../relay/load-generator.ts';
import type { Measured } from '../relay/orders.ts';
import { ALLOWED_LOSS } from '../relay/results.ts';
import { lossShare } from '../relay/run.ts';
import { type Lab, MEDIA_ADDRESS } from './lab.ts';
import type { Way } from './ways.ts';

export interface Plan {
  readonly calls: number;
  /** RTP packets a second, of all parties together. */
  readonly rate: number;
  readonly measureMs: number;
  readonly nice: number | null;
  /** Find out how fast it can be. */
  readonly ladder: boolean;
}

export interface Found {
  readonly measured: Measured;
  readonly ladder: Ladder | undefined;
}

export interface Ladder {
  /** Highest rate of which no more than the allowed share was lost, packets of RTP a second; null: none. */
  readonly carried: number | null;
  /** It ended because the generator could not send faster. */
  readonly generatorLimited: boolean;
}

const WARM_UP_MS = 800;
const STEP_WARM_UP_MS = 300;
const STEP_MS = 1200;
const STEP_FACTOR = 1.25;
const MAX_RATE = 2_000_000;
/** A step is lost when it fails so often: other work of the machine may spoil one. */
const TRIES = 2;
/** Of what a step asks for. */
const REQUIRED_OFFER = 0.97;
/** As RFC 3550 6.2 has it. */
const RTCP_INTERVAL_US = 5_000_000;

export async function measureWay(lab: Lab, way: Way, plan: Plan): Promise<Found> {
  const { scope, close } = createScope();
  try {
    return await run(scope, lab, way, plan);
  } finally {
    await close();
  }
}

async function run(scope: Scope, lab: Lab, way: Way, { calls, rate, measureMs, nice, ladder }: Plan): Promise<Found> {
  const open = await way.open(scope, lab, nice);
  const generator = await LoadGenerator.start(scope, {
    capacity: calls,
    relayAddress: MEDIA_ADDRESS,
    addresses: way.parties,
    targets: way.targets,
    namespaces: [lab.caller, lab.callee],
    rtpIntervalUs: intervalUs(calls, rate),
    rtcpIntervalUs: RTCP_INTERVAL_US,
  });
  await generator.startCalls(await open.setUp(generator, calls));
  await sleep(WARM_UP_MS);
  await open.settled?.(calls);
  await generator.mark(open.pids());
  await sleep(measureMs);
  const measured = await generator.finish(ladder);
  return { measured, ladder: ladder ? await climb(generator, open.pids(), calls, rate) : undefined };
}

async function climb(generator: LoadGenerator, pids: readonly number[], calls: number, from: number): Promise<Ladder> {
  let carried: number | null = null;
  for (let rate = from; rate <= MAX_RATE; rate *= STEP_FACTOR) {
    let verdict: 'carried' | 'lost' | 'generator' = 'lost';
    for (let attempt = 0; attempt < TRIES && verdict !== 'carried'; attempt += 1) {
      await generator.mark(pids, intervalUs(calls, rate));
      await sleep(STEP_WARM_UP_MS);
      await generator.mark(pids);
      await sleep(STEP_MS);
      const measured = await generator.finish(true);
      const offered = measured.rtp.sent / measured.seconds;
      const isOffered = offered >= rate * REQUIRED_OFFER;
      const isLost = lossShare(measured) > ALLOWED_LOSS;
      verdict = isOffered && !isLost ? 'carried' : isLost && measured.generator.drops === 0 ? 'lost' : 'generator';
      if (!isLost) {
        carried = Math.max(carried ?? 0, Math.round(offered));
      }
    }
    if (verdict !== 'carried') {
      return { carried, generatorLimited: verdict === 'generator' };
    }
  }
  return { carried, generatorLimited: true };
}

/** Between two packets of one party. */
function intervalUs(calls: number, rate: number): number {
  return (calls * 2 * 1e6) / rate;
}
