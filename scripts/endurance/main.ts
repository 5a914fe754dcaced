/**
 * `npm run endurance [-- --events 1000 --seed 1]`: a system of `ims-launch`, relay and IMS meets random crashes, stops,
 * orders, configurations and nonsense, drawn from a seeded generator. It fails when the system does not come back, when
 * two of a kind run at once, when anything is left at the end, or when the launcher has grown meanwhile.
 *
 * The seed decides what happens and how long is waited in between; how the system is caught by it is up to the machine.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { choosePlace } from '../../test/support/launcher.ts';
import { createScope, type Scope } from '../../test/support/scope.ts';
import { boundUdpPorts } from '../../test/support/survivors.ts';
import { waitFor } from '../../test/support/wait.ts';
import { drawEvent, drawRestart, type EventName } from './events.ts';
import { formatSamples, growthOf, measure, type TimedSample } from './growth.ts';
import { Random } from './random.ts';
import { SystemUnderTest } from './system.ts';

/** The first part of the events has the whole stops and starts; what the launcher takes is compared from then on. */
const WARM_UP_SHARE = 0.2;
/** Of the events in that part. */
const RESTART_SHARE = 0.06;

/** After so many events the system is given time to become ready, and looked at. */
const LOOK_EVERY = 20;

/** What the launcher takes is measured so often after the warm-up: more would cost a short run more than its events. */
const SAMPLES_EVERY = 200;

/** Longest pause after an event, milliseconds. Most are shorter than a restart, so that events meet one another. */
const MAX_PAUSE_MS = 120;

async function main(): Promise<void> {
  const { events, seed } = readArguments();
  console.log(
    `endurance: ${events} events, seed ${seed} (again: npm run endurance -- --events ${events} --seed ${seed})`,
  );
  const { scope, close } = createScope();
  let failures: string[];
  try {
    failures = await endure(scope, events, new Random(seed));
  } finally {
    await close();
  }
  for (const failure of failures) {
    console.error(`FAILED: ${failure}`);
  }
  process.exitCode = failures.length === 0 ? 0 : 1;
}

async function endure(scope: Scope, events: number, random: Random): Promise<string[]> {
  const startedAt = performance.now();
  const place = await choosePlace(scope);
  const system = await SystemUnderTest.start(place, random);
  scope.defer(() => system.close());
  const happened = new Map<EventName, number>();
  const samples: TimedSample[] = [];
  const warmUp = Math.ceil(events * WARM_UP_SHARE);
  for (let count = 1; count <= events; count++) {
    // One in the shortest run, too.
    const isRestart = count === 1 || (count <= warmUp && random.chance(RESTART_SHARE));
    const event = isRestart ? drawRestart(random) : drawEvent(random);
    happened.set(event.name, (happened.get(event.name) ?? 0) + 1);
    await event.happen(system, random);
    system.expectOneOfEachKind(`event ${count} (${event.name})`);
    await sleep(random.below(MAX_PAUSE_MS));
    if (count % LOOK_EVERY === 0 || count === warmUp || count === events) {
      await system.untilWhole(`event ${count} (${event.name})`);
    }
    if (count === warmUp || (count > warmUp && count % SAMPLES_EVERY === 0) || count === events) {
      samples.push({ afterEvents: count, sample: await measure(system.launcher) });
      console.log(`after ${count} events the system is whole (${elapsedSeconds(startedAt)} s)`);
    }
  }
  await system.verify();
  const restarts = await system.restarts();
  await system.stop();
  await waitFor('the release of every port', () => {
    const bound = boundUdpPorts();
    return ![place.sipPort, place.relayPort].some((port) => bound.has(port));
  });
  console.log(
    [...happened]
      .sort(([, a], [, b]) => b - a)
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  );
  console.log(`${restarts} restarts in ${elapsedSeconds(startedAt)} s; verify passes at the end`);
  console.log(formatSamples(samples));
  return growthOf(samples);
}

function elapsedSeconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0);
}

function readArguments(): { events: number; seed: number } {
  const { values } = parseArgs({
    options: { events: { type: 'string', default: '1000' }, seed: { type: 'string' } },
  });
  const events = Number(values.events);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
  if (!Number.isInteger(events) || events < 10 || !Number.isInteger(seed) || seed < 0) {
    throw new Error('--events takes a whole number from 10 on, --seed one from 0 on');
  }
  return { events, seed };
}

await main();
