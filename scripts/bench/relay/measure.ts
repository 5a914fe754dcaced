/** One run: a fresh relay, so many calls through it, and what they cost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createScope } from '../../../test/support/scope.ts';
import { setUpCalls, tearDownCalls } from './calls.ts';
import { type Contestant, PARTY_ADDRESSES, RELAY_ADDRESS, startRelay } from './contestants.ts';
import { LoadGenerator } from './load-generator.ts';
import { residentBytes } from './process-cost.ts';
import type { Run } from './run.ts';

export interface RunPlan {
  readonly calls: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Of the relay; null: as it is. */
  readonly nice: number | null;
}

/** They come and go before memory is looked at, so that what the first session brings once is no part of it. */
const FIRST_CALLS = 8;
const FIRST_CALLS_MS = 500;
const FIRST_CALLS_DRAIN_MS = 200;

export async function measure(contestant: Contestant, { calls, warmUpMs, measureMs, nice }: RunPlan): Promise<Run> {
  const { scope, close } = createScope();
  try {
    const relay = await startRelay(scope, contestant, nice);
    const generator = await LoadGenerator.start(scope, {
      capacity: calls,
      relayAddress: RELAY_ADDRESS,
      addresses: PARTY_ADDRESSES,
    });
    let serial = 0;
    const setUp = (count: number) =>
      setUpCalls(
        relay.client,
        generator,
        Array.from({ length: count }, (_, slot) => slot),
        () => ++serial,
      );
    const first = await setUp(Math.min(FIRST_CALLS, calls));
    await generator.startCalls(first);
    await sleep(FIRST_CALLS_MS);
    await generator.stopCalls(
      first.map(({ slot }) => slot),
      FIRST_CALLS_DRAIN_MS,
    );
    await tearDownCalls(relay.client, first);
    const residentIdleBytes = residentBytes(relay.pids());

    const all = await setUp(calls);
    await generator.startCalls(all);
    await sleep(warmUpMs);
    await generator.mark(relay.pids());
    await sleep(measureMs);
    const residentLoadedBytes = residentBytes(relay.pids());
    const measured = await generator.finish();
    return { ...measured, calls, residentIdleBytes, residentLoadedBytes };
  } finally {
    await close();
  }
}
