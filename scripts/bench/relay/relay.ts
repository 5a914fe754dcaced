/**
 * `npm run bench -- relay [--calls 500] [--seconds 10] [--rounds 3] [--only NAME,NAME] [--no-ladder] [--nice N]`:
 * our relay on each plane beside rtpengine and rtpproxy. Rounds are interleaved, so that what the machine does meanwhile meets all
 * of them. Then the number of calls grows until a relay loses more than 0.1 %, or shrinks until it does not.
 */
import { loadavg } from 'node:os';
import { createScope } from '../../../test/support/scope.ts';
import { describeMachine } from '../report.ts';
import { absence, CONTESTANTS, type Contestant, MAX_CALLS, versionOf } from './contestants.ts';
import { measure } from './measure.ts';
import { ALLOWED_LOSS, type Limit, NO_LADDER, type RelayResults, summarise } from './results.ts';
import { lossShare, offeredShare, type Run } from './run.ts';

export interface RelayBenchOptions {
  readonly calls: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Names of contestants; all unless told. */
  readonly only: readonly string[] | undefined;
  readonly ladder: boolean;
  /** Of all relays, for a machine with other work; null: as they are. */
  readonly nice: number | null;
}

const WARM_UP_MS = 2000;
/** The ladder: more calls by this factor, up to what the ports allow, or fewer. */
const STEP_FACTOR = 1.25;
const LOWEST_STEP = 10;
const STEP_MS = 4000;
/** A run in which the generator itself was later than this says nothing of the relay, microseconds. */
const GENERATOR_LATE_US = 20_000;
/** Neither does one in which it could not send what so many calls send. */
const REQUIRED_OFFER = 0.98;
/** A step is lost only when it fails so often: other work of the machine may spoil one. */
const TRIES = 2;

export async function benchRelay(options: RelayBenchOptions): Promise<RelayResults> {
  const { calls, seconds, rounds, nice } = options;
  const loadBefore = Number((loadavg()[0] ?? 0).toFixed(1));
  const { present, absent } = await whoIsThere(options.only);
  const runs = new Map<Contestant, Run[]>(present.map((contestant) => [contestant, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of present) {
      console.error(`round ${round} of ${rounds}: ${contestant.name}, ${calls} calls`);
      const run = await measure(contestant, { calls, warmUpMs: WARM_UP_MS, measureMs: seconds * 1000, nice });
      runs.get(contestant)?.push(run);
    }
  }
  const limits = options.ladder ? await findLimits(runs, calls, nice) : new Map<Contestant, Limit>();
  const { date = '', machine = '', node = '' } = describeMachine();
  return {
    date,
    machine,
    node,
    loadBefore,
    nice,
    calls,
    seconds,
    rounds,
    relays: present.map((contestant) => {
      const { name, ours } = contestant;
      const limit = limits.get(contestant) ?? NO_LADDER;
      return summarise({ name, ours, version: versionOf(contestant) }, runs.get(contestant) ?? [], limit);
    }),
    absent,
  };
}

async function whoIsThere(only: readonly string[] | undefined): Promise<{
  present: Contestant[];
  absent: { name: string; reason: string }[];
}> {
  const wanted = CONTESTANTS.filter(({ name }) => only === undefined || only.includes(name));
  const present: Contestant[] = [];
  const absent: { name: string; reason: string }[] = [];
  for (const contestant of wanted) {
    const { scope, close } = createScope();
    const reason = await absence(scope, contestant).finally(close);
    if (reason === undefined) {
      present.push(contestant);
    } else {
      absent.push({ name: contestant.name, reason });
      console.error(`LEFT OUT: ${contestant.name}: ${reason}`);
    }
  }
  return { present, absent };
}

/**
 * From the calls of the rounds up for who carried them, down for who did not, each in turn, until one step is carried
 * and the next one is lost.
 */
async function findLimits(
  runs: ReadonlyMap<Contestant, readonly Run[]>,
  calls: number,
  nice: number | null,
): Promise<Map<Contestant, Limit>> {
  const limits = new Map<Contestant, Limit>();
  for (const [contestant, of] of runs) {
    const carries = of.filter((run) => lossShare(run) <= ALLOWED_LOSS).length * 2 > of.length;
    limits.set(contestant, {
      carried: carries ? calls : null,
      limitCalls: carries ? null : calls,
      generatorLimited: false,
    });
  }
  const unknown = new Set(runs.keys());
  while (unknown.size > 0) {
    for (const contestant of unknown) {
      const limit = limits.get(contestant) ?? NO_LADDER;
      const step = nextStep(limit);
      if (step === undefined) {
        unknown.delete(contestant);
        continue;
      }
      const verdict = await tryStep(contestant, step, nice);
      limits.set(
        contestant,
        verdict === 'carried'
          ? { ...limit, carried: step }
          : { ...limit, limitCalls: step, generatorLimited: verdict === 'generator' },
      );
    }
  }
  return limits;
}

/** Undefined: the limit is known, or beyond what can be tried. */
function nextStep({ carried, limitCalls }: Limit): number | undefined {
  if (carried !== null && limitCalls !== null) {
    return undefined;
  }
  const next = carried !== null ? carried * STEP_FACTOR : (limitCalls ?? 0) / STEP_FACTOR;
  const step = Math.round(next / 10) * 10;
  return step >= LOWEST_STEP && step <= MAX_CALLS ? step : undefined;
}

async function tryStep(
  contestant: Contestant,
  calls: number,
  nice: number | null,
): Promise<'carried' | 'lost' | 'generator'> {
  let verdict: 'lost' | 'generator' = 'lost';
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const run = await measure(contestant, { calls, warmUpMs: WARM_UP_MS, measureMs: STEP_MS, nice }).catch(
      (error: Error) => {
        console.error(`${contestant.name} with ${calls} calls: ${error.message.split('\n')[0]}`);
        return undefined;
      },
    );
    if (run !== undefined) {
      const { generator } = run;
      console.error(
        `${contestant.name} with ${calls} calls: ${(lossShare(run) * 100).toFixed(3)} % lost, p99 ${run.delayUs.p99} µs, ${(offeredShare(run) * 100).toFixed(1)} % offered`,
      );
      const offered = offeredShare(run) >= REQUIRED_OFFER;
      if (offered && lossShare(run) <= ALLOWED_LOSS) {
        return 'carried';
      }
      const late = generator.drops > 0 || generator.latenessUs.p99 > GENERATOR_LATE_US;
      verdict = late || !offered ? 'generator' : 'lost';
    }
  }
  return verdict;
}
