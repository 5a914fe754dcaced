/**
 * Calls that come and go for as long as one likes, RTP and RTCP both ways: nothing may be lost, nothing may stay
 * behind, and memory must not grow.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scope } from '../../../test/support/scope.ts';
import { udpSocketsOf } from '../../../test/support/survivors.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { Random } from '../../endurance/random.ts';
import { setUpCalls, tearDownCalls } from './calls.ts';
import { ourPlane, PARTY_ADDRESSES, RELAY_ADDRESS, type RunningRelay, startRelay } from './contestants.ts';
import { LoadGenerator } from './load-generator.ts';
import type { Measured } from './orders.ts';
import { residentBytes } from './process-cost.ts';

export interface SoakPlan {
  readonly plane: string;
  /** At any time; as soon as one ends the next begins. */
  readonly calls: number;
  /** Of a call, on average; it is drawn from half to one and a half times as long. */
  readonly lifeMs: number;
  readonly seconds: number;
  readonly seed: number;
  /** Of the relay, for a machine with other work; null: as it is. */
  readonly nice: number | null;
}

export interface SoakReport {
  readonly calls: number;
  readonly sent: number;
  readonly lost: number;
  readonly measured: Measured;
  readonly before: Holdings;
  readonly after: Holdings;
  /** Resident bytes each tenth of the time, the median of the looks in it. */
  readonly resident: readonly number[];
}

export interface Holdings {
  readonly sessions: number;
  readonly udpPorts: number;
  readonly descriptors: number;
}

/** What is under way when a call ends has so long to arrive: a machine with other work may stand still for seconds. */
const DRAIN_MS = 10_000;
const LOOK_MS = 250;
const TENTHS = 10;
/**
 * Of the median of the middle tenths to that of the last ones: before them memory is not settled, and V8 lets it swing
 * for a minute or two. A shorter soak says nothing of memory.
 */
const MAX_GROWTH = 1.05;
const MIDDLE_TENTHS = [3, 6] as const;
const LAST_TENTHS = [7, 10] as const;
const MEMORY_FROM_SECONDS = 900;

/** @param say is told how far it is, about ten times */
export async function soak(scope: Scope, plan: SoakPlan, say: (line: string) => void): Promise<SoakReport> {
  const relay = await startRelay(scope, ourPlane(plan.plane), plan.nice);
  const generator = await LoadGenerator.start(scope, {
    capacity: plan.calls,
    relayAddress: RELAY_ADDRESS,
    addresses: PARTY_ADDRESSES,
  });
  const before = await holdings(relay);
  const random = new Random(plan.seed);
  const endAt = performance.now() + plan.seconds * 1000;
  const total = { calls: 0, sent: 0, lost: 0 };
  await generator.mark(relay.pids());

  const keepCalling = async (slot: number): Promise<void> => {
    // The first call of a slot was, as it were, begun before: ends are spread from the start.
    let lifeMs = random.next() * plan.lifeMs;
    while (performance.now() < endAt) {
      const calls = await setUpCalls(relay.client, generator, [slot], () => ++total.calls);
      await generator.startCalls(calls);
      await sleep(Math.min(lifeMs, Math.max(0, endAt - performance.now())));
      const [counts] = await generator.stopCalls([slot], DRAIN_MS);
      await tearDownCalls(relay.client, calls);
      total.sent += counts?.sent ?? 0;
      total.lost += (counts?.sent ?? 0) - (counts?.received ?? 0);
      lifeMs = (0.5 + random.next()) * plan.lifeMs;
    }
  };
  const looking = watchMemory(relay, plan.seconds, (tenth, bytes) => {
    say(`${tenth} of ${TENTHS}: ${total.calls} calls, ${total.lost} packets lost, RSS ${mib(bytes)}`);
  });
  const [resident] = await Promise.all([
    looking,
    ...Array.from({ length: plan.calls }, (_, slot) => keepCalling(slot)),
  ]);
  const measured = await generator.finish();
  await waitFor('a relay without sessions', async () => (await holdings(relay)).sessions === 0);
  // Sockets close a moment after the reply; what is held for longer is found out below.
  await waitFor('free ports', async () => (await holdings(relay)).udpPorts <= before.udpPorts).catch(() => {});
  return { ...total, measured, before, after: await holdings(relay), resident };
}

/** What is wrong, in sentences; none: it has passed. */
export function failuresOf(
  plan: SoakPlan,
  { calls, sent, lost, measured, before, after, resident }: SoakReport,
): string[] {
  const expected = (plan.seconds * 1000 * plan.calls) / plan.lifeMs / 2;
  const odd = Object.entries(measured.odd).filter(([, count]) => count > 0);
  const settled = median(resident.slice(...MIDDLE_TENTHS));
  const last = median(resident.slice(...LAST_TENTHS));
  return [
    ...unless(calls >= expected, `only ${calls} calls`),
    ...unless(sent > 0 && lost === 0, `${lost} of ${sent} packets were lost`),
    ...unless(odd.length === 0, odd.map(([kind, count]) => `${kind}: ${count}`).join(', ')),
    ...unless(after.sessions === before.sessions, `${after.sessions} sessions are left`),
    ...unless(after.udpPorts === before.udpPorts, `UDP ports: ${before.udpPorts} before, ${after.udpPorts} after`),
    ...unless(
      after.descriptors <= before.descriptors,
      `descriptors: ${before.descriptors} before, ${after.descriptors} after`,
    ),
    ...unless(
      plan.seconds < MEMORY_FROM_SECONDS || last <= settled * MAX_GROWTH,
      `memory grew from ${mib(settled)} to ${mib(last)}`,
    ),
  ];
}

export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

async function holdings({ client, pids }: RunningRelay): Promise<Holdings> {
  const outcome = await client.request('I');
  const text = outcome.kind === 'reply' && outcome.reply.kind === 'text' ? outcome.reply.text : '';
  const sessions = Number(/^active sessions: (\d+)/m.exec(text)?.[1] ?? Number.NaN);
  const processes = pids();
  return {
    sessions,
    udpPorts: udpSocketsOf(processes.map((pid) => ({ pid, command: '' }))).size,
    descriptors: processes.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
  };
}

async function watchMemory(
  relay: RunningRelay,
  seconds: number,
  tell: (tenth: number, bytes: number) => void,
): Promise<number[]> {
  const startedAt = performance.now();
  const medians: number[] = [];
  for (let tenth = 1; tenth <= TENTHS; tenth++) {
    const looks: number[] = [];
    do {
      await sleep(LOOK_MS);
      looks.push(residentBytes(relay.pids()));
    } while (performance.now() < startedAt + (seconds * 1000 * tenth) / TENTHS);
    medians.push(median(looks));
    tell(tenth, median(looks));
  }
  return medians;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function unless(condition: boolean, failure: string): string[] {
  return condition ? [] : [failure];
}
