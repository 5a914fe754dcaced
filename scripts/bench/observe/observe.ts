/**
 * `npm run bench -- observe [--calls 500] [--seconds 10] [--rounds 3]`: what per-call quality costs a packet, what an open page of
 * the dashboard costs, and how long it takes until somebody is told of a mute. Rounds are interleaved.
 */
import { loadavg } from 'node:os';
import { createScope } from '../../../test/support/scope.ts';
import { type Contestant, ourPlane } from '../relay/contestants.ts';
import { measure } from '../relay/measure.ts';
import { cpuUsPerPacket } from '../relay/run.ts';
import { describeMachine, quantiles } from '../report.ts';
import type { ObserveResults } from './results.ts';
import { answersToAlarms, costOfPage, mutesToAlarms, startWatchedSystem } from './system.ts';
import { relayWithoutQuality } from './without-quality.ts';

export interface ObserveBenchOptions {
  readonly calls: number;
  readonly seconds: number;
  readonly rounds: number;
}

const WARM_UP_MS = 2000;
/** Calls of which one party falls silent, and of which one is never heard. The relay tells 50 at once, and then one a second. */
const ALARMS = 20;

export async function benchObserve(options: ObserveBenchOptions): Promise<ObserveResults> {
  const loadBefore = Number((loadavg()[0] ?? 0).toFixed(1));
  const quality = await costOfQuality(options);
  const { scope, close } = createScope();
  try {
    const system = await startWatchedSystem(scope);
    const perRound = await costOfPage(scope, system, options);
    const mute = quantiles(await mutesToAlarms(scope, system, ALARMS));
    const neverHeard = quantiles(await answersToAlarms(scope, system, ALARMS));
    const { date = '', machine = '', node = '' } = describeMachine();
    const dashboard = { percent: quantiles(perRound).p50, perRound };
    return { date, machine, node, loadBefore, ...options, quality, dashboard, mute, neverHeard };
  } finally {
    await close();
  }
}

async function costOfQuality({ calls, seconds, rounds }: ObserveBenchOptions): Promise<ObserveResults['quality']> {
  const { scope, close } = createScope();
  try {
    const complete = ourPlane('native');
    const program = await relayWithoutQuality(scope);
    const without: Contestant = {
      ...complete,
      name: 'native without quality',
      command: (place) => {
        const [node, ...words] = complete.command(place);
        return [node, ...words.map((word) => (/[\\/]ims-relay\.js$/.test(word) ? program : word))];
      },
    };
    const found = new Map<Contestant, number[]>([
      [complete, []],
      [without, []],
    ]);
    for (let round = 1; round <= rounds; round++) {
      for (const [contestant, costs] of found) {
        console.error(`round ${round} of ${rounds}: ${contestant.name}, ${calls} calls`);
        const plan = { calls, warmUpMs: WARM_UP_MS, measureMs: seconds * 1000, nice: null };
        costs.push(cpuUsPerPacket(await measure(contestant, plan)));
      }
    }
    const [withUs = Number.NaN, withoutUs = Number.NaN] = [...found.values()].map((costs) => quantiles(costs).p50);
    return { withUs, withoutUs, ratio: withUs / withoutUs };
  } finally {
    await close();
  }
}
