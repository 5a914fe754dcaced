/**
 * `npm run hostile [-- --seconds 300 --pps 5000 --calls 50 --seed 1]`: the Internet at the door of ims-server while calls
 * run: garbage, scans, forged BYEs of those calls, replayed digests, oversize headers, from 64 addresses. It fails when a
 * call is lost, a stranger gets in, or memory grows. Needs sipp, root and network namespaces.
 */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { statusOf } from '../../test/support/launcher-status.ts';
import { createScope, type Scope } from '../../test/support/scope.ts';
import { waitFor } from '../../test/support/wait.ts';
import type { AttackReport } from './attacker.ts';
import {
  openCallee,
  openWorld,
  overheardFrom,
  registerCaller,
  sippErrors,
  startAttacker,
  startCalls,
  type World,
} from './world.ts';

interface Plan {
  readonly seconds: number;
  readonly pps: number;
  readonly calls: number;
  readonly seed: number;
}

interface Sample {
  readonly serverKib: number;
  readonly relayKib: number;
  /** Worst of the last second, ms. */
  readonly lagMs: number;
}

/** Calls are begun so many a second before the attack. */
const CALL_RATE = 10;
const SHORT_TALK_MS = 400;
/** Memory is compared from here on: what the first strangers bring with them, a full table of them included. */
const WARM_SHARE = 0.3;
const MAX_GROWTH = 1.1;
/** A shorter run says nothing about memory. */
const MIN_SECONDS_FOR_MEMORY = 60;

async function main(): Promise<void> {
  const plan = readArguments();
  const { scope, close } = createScope();
  try {
    for (const failure of await hostile(scope, plan)) {
      console.error(`FAILED: ${failure}`);
      process.exitCode = 1;
    }
  } finally {
    await close();
  }
}

async function hostile(scope: Scope, plan: Plan): Promise<string[]> {
  const { seconds, calls } = plan;
  const world = await openWorld(scope, calls);
  await openCallee(world);
  const { sent: overheard } = await registerCaller(world, `${world.hosts.alice.address}:5070`);

  const setUpMs = (calls / CALL_RATE) * 1000;
  const talkMs = setUpMs + seconds * 1000 + 3000;
  const long = await startCalls(world, { name: 'long', calls, rate: CALL_RATE, talkMs, sipPort: 5060 });
  await waitFor(
    'the calls',
    async () => {
      if (!long.running) {
        throw new Error(`sipp ended before its calls were up:\n${long.output}`);
      }
      return (await openCalls(world)) === calls;
    },
    { timeoutMs: setUpMs + 30_000 },
  );
  const before = performance.now();
  const attacker = startAttacker(world, {
    ...overheardFrom(world, long, calls),
    overheard,
    packetsPerSecond: plan.pps,
    seed: plan.seed,
  });
  // Who calls meanwhile gets through.
  const visits = Math.max(1, seconds - 2);
  const short = await startCalls(world, {
    name: 'short',
    calls: visits,
    rate: 1,
    talkMs: SHORT_TALK_MS,
    sipPort: 5080,
  });
  const samples: Sample[] = [];
  while (performance.now() - before < seconds * 1000) {
    await sleep(1000);
    samples.push(await sampleOf(world));
  }
  attacker.endInput();
  await attacker.waitForExit(30_000);
  const report = JSON.parse(attacker.output.trim().split('\n').at(-1) ?? '{}') as AttackReport;
  const [longEnd, shortEnd] = [await long.waitForExit(talkMs + 60_000), await short.waitForExit(60_000)];
  const { answer } = await registerCaller(world, undefined);
  const wanted = calls + visits;
  const records = await waitFor('the last record', async () => {
    const found = await recordsOf(world);
    return found.length >= wanted ? found : undefined;
  }).catch(() => recordsOf(world));
  for (const [{ code }, name] of [
    [longEnd, 'long'],
    [shortEnd, 'short'],
  ] as const) {
    if (code !== 0) {
      console.error(`what sipp says of the ${name} calls:\n${await sippErrors(world, name)}`);
    }
  }
  return judge(plan, {
    report,
    samples,
    records,
    wanted,
    thief: /203\.0\.113\./.test(answer),
    codes: [longEnd.code, shortEnd.code],
  });
}

interface Outcome {
  readonly report: AttackReport;
  readonly samples: readonly Sample[];
  readonly records: readonly CallRecord[];
  readonly wanted: number;
  /** A stranger's Contact is registered for the caller. */
  readonly thief: boolean;
  /** Of the calls that ran all the time, and of the short ones. */
  readonly codes: readonly [number | null, number | null];
}

interface CallRecord {
  readonly status?: number;
  readonly endedBy?: string;
}

function judge({ seconds }: Plan, { report, samples, records, wanted, thief, codes }: Outcome): string[] {
  const good = records.filter(({ status, endedBy }) => status === 200 && endedBy === 'caller').length;
  const total = Object.values(report.sent).reduce((sum, count) => sum + count, 0);
  const warm = samples[Math.floor(samples.length * WARM_SHARE)];
  const last = samples.at(-1);
  const growth = {
    server: (last?.serverKib ?? 0) / (warm?.serverKib ?? 1),
    relay: (last?.relayKib ?? 0) / (warm?.relayKib ?? 1),
  };
  const lags = samples.map(({ lagMs }) => lagMs).sort((a, b) => a - b);
  const lag = (share: number): string => `${(lags[Math.floor(lags.length * share)] ?? lags.at(-1) ?? 0).toFixed(1)} ms`;
  const kinds = Object.entries(report.sent).map(([kind, count]) => `${kind} ${count}`);
  console.log(
    [
      `attack      ${total} datagrams in ${seconds} s (${Math.round(total / seconds)}/s): ${kinds.join(', ')}; ${report.answers} were answered`,
      `calls       ${good} of ${wanted} answered and ended by their caller`,
      `memory      server ${mib(warm?.serverKib)} → ${mib(last?.serverKib)}, relay ${mib(warm?.relayKib)} → ${mib(last?.relayKib)}`,
      `event loop  of ims-server, worst of each second: p50 ${lag(0.5)}, p99 ${lag(0.99)}`,
    ].join('\n'),
  );
  return [
    ...unless(codes[0] === 0, 'sipp counted failed calls among those that ran all the time'),
    ...unless(codes[1] === 0, 'sipp counted failed calls among those that began meanwhile'),
    ...unless(good === wanted, `${wanted - good} calls have no record of a call that its caller ended`),
    ...unless(!thief, 'a replayed digest has registered a stranger'),
    ...unless(
      Object.values(report.sent).every((count) => count > 0),
      'not every kind was sent',
    ),
    ...unless(
      seconds < MIN_SECONDS_FOR_MEMORY || growth.server <= MAX_GROWTH,
      `ims-server grew × ${growth.server.toFixed(2)}`,
    ),
    ...unless(
      seconds < MIN_SECONDS_FOR_MEMORY || growth.relay <= MAX_GROWTH,
      `ims-relay grew × ${growth.relay.toFixed(2)}`,
    ),
  ];
}

function unless(condition: boolean, failure: string): string[] {
  return condition ? [] : [failure];
}

async function sampleOf(world: World): Promise<Sample> {
  const { services } = await statusOf(world);
  const { relay, ims } = services;
  return {
    serverKib: residentKib(ims.pid),
    relayKib: residentKib(relay.pid),
    lagMs: ims.health?.loopLagMs ?? Number.NaN,
  };
}

async function openCalls(world: World): Promise<number> {
  return (await statusOf(world)).services.relay.active ?? 0;
}

async function recordsOf({ directory }: World): Promise<CallRecord[]> {
  const folder = join(directory, 'data', 'cdr');
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  // The last line may be half written. An attempt that was refused has a record, too; what counts is who got through.
  const lines = texts.flatMap((text) => text.split('\n').slice(0, -1));
  return lines.map((line) => JSON.parse(line) as CallRecord).filter(({ status }) => status === 200);
}

function residentKib(pid: number | null): number {
  return pid === null ? 0 : Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

function mib(kib = 0): string {
  return `${(kib / 1024).toFixed(1)} MiB`;
}

function readArguments(): Plan {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '300' },
      pps: { type: 'string', default: '5000' },
      calls: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
    },
  });
  const plan = {
    seconds: Number(values.seconds),
    pps: Number(values.pps),
    calls: Number(values.calls),
    seed: Number(values.seed),
  };
  if (!Object.values(plan).every((value) => Number.isInteger(value) && value > 0)) {
    throw new Error('--seconds, --pps, --calls and --seed take whole numbers above 0');
  }
  return plan;
}

await main();
