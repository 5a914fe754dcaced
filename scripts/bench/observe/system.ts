/** A whole system with many calls in its relay: what an open page costs it, and how soon it tells of a mute. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemStatus } from '../../../src/control/status.ts';
import { openRtppClient, type RtppClient } from '../../../src/io/rtpp-client-driver.ts';
import { grantedPort } from '../../../src/rtpp/reply.ts';
import { choosePlace, configure, fieldOf, startLauncher } from '../../../test/support/launcher.ts';
import type { Program } from '../../../test/support/program.ts';
import { RtpParty } from '../../../test/support/rtp-party.ts';
import type { Scope } from '../../../test/support/scope.ts';
import { READY_LINE } from '../../../test/support/system.ts';
import { setUpCalls, tearDownCalls } from '../relay/calls.ts';
import { PARTY_ADDRESSES, RELAY_ADDRESS } from '../relay/contestants.ts';
import { LoadGenerator } from '../relay/load-generator.ts';
import { type CpuReading, readCpu } from '../relay/process-cost.ts';
import { keepPageOpen } from './page.ts';

const PATIENCE_MS = 60_000;
const WARM_UP_MS = 3000;
const DRAIN_MS = 200;
/** A party that talks so long is known; then it falls silent at some moment within a second. */
const TALK_MS = 4000;
const SPREAD_MS = 1000;
const PACKETS_PER_SECOND = 50;

export interface WatchedSystem {
  readonly launcher: Program;
  readonly url: string;
  readonly client: RtppClient;
}

export async function startWatchedSystem(scope: Scope): Promise<WatchedSystem> {
  const place = await choosePlace(scope);
  await configure(place, {
    SERVER_ADDR: RELAY_ADDRESS,
    dashboard: { listen: '127.0.0.1:0' },
    relay: { minPort: 33_000, maxPort: 60_999, plane: 'native' },
  });
  const launcher = startLauncher(scope, place);
  const line = await launcher.waitForLine(/"event":"dashboard\.open"/, PATIENCE_MS);
  await launcher.waitForLine(READY_LINE, PATIENCE_MS);
  const client = await openRtppClient({ host: '127.0.0.1', port: place.relayPort });
  scope.defer(() => client.close());
  return { launcher, url: String(fieldOf(line, 'local')), client };
}

/** Share of a core, percent, that an open page costs: for each round what it was with one less what it was without. */
export async function costOfPage(
  scope: Scope,
  { launcher, url, client }: WatchedSystem,
  { calls, seconds, rounds }: { readonly calls: number; readonly seconds: number; readonly rounds: number },
): Promise<number[]> {
  const generator = await LoadGenerator.start(scope, {
    capacity: calls,
    relayAddress: RELAY_ADDRESS,
    addresses: PARTY_ADDRESSES,
  });
  let serial = 0;
  const slots = Array.from({ length: calls }, (_, slot) => slot);
  const talking = await setUpCalls(client, generator, slots, () => ++serial);
  await generator.startCalls(talking);
  await sleep(WARM_UP_MS);
  const { services } = (await (await fetch(new URL('/api/status', url))).json()) as SystemStatus;
  const read = (): number => {
    // What the relay's media threads take is the calls', and varies by more than a page costs.
    const relay = services.relay.pid ?? 0;
    const relayMain = readCpu([relay]).get(String(relay));
    const others = readCpu([launcher.pid, services.ims.pid ?? 0]);
    return (relayMain?.ns ?? 0) + totalNs(others);
  };
  const share = async (): Promise<number> => {
    const [before, startedAt] = [read(), performance.now()];
    await sleep(seconds * 1000);
    return ((read() - before) / 1e6 / (performance.now() - startedAt)) * 100;
  };
  const differences: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}: without a page, with one`);
    const without = await share();
    const closing = new AbortController();
    const page = keepPageOpen(url, closing.signal);
    const open = await share();
    closing.abort();
    await page;
    differences.push(open - without);
  }
  await generator.stopCalls(slots, DRAIN_MS);
  // Before they count as muted: so many alarms would be told as a few.
  await tearDownCalls(client, talking);
  return differences;
}

function totalNs(reading: CpuReading): number {
  return [...reading.values()].reduce((sum, { ns }) => sum + ns, 0);
}

/** Milliseconds from the last packet of a party to the line of the log, of so many calls at once. */
export function mutesToAlarms(scope: Scope, system: WatchedSystem, count: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const name = `mute-${index}`;
      const { caller, callee, toCaller, toCallee } = await openCall(scope, system.client, name);
      const ms = TALK_MS + (index * SPREAD_MS) / count;
      const alarm = system.launcher.waitForLine(alarmOf(name, 'silent'), PATIENCE_MS);
      return await whileTalking(system.client, name, caller, toCaller, async () => {
        await callee.talk(toCallee, Math.round((ms / 1000) * PACKETS_PER_SECOND));
        const mutedAt = performance.now();
        await alarm;
        return performance.now() - mutedAt;
      });
    }),
  );
}

/** The same from the answer of a call whose callee is never heard. */
export function answersToAlarms(scope: Scope, system: WatchedSystem, count: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const name = `never-${index}`;
      await sleep((index * SPREAD_MS) / count);
      const alarm = system.launcher.waitForLine(alarmOf(name, 'never-arrived'), PATIENCE_MS);
      const { caller, toCaller, answeredAt } = await openCall(scope, system.client, name);
      return await whileTalking(system.client, name, caller, toCaller, async () => {
        await alarm;
        return performance.now() - answeredAt;
      });
    }),
  );
}

/** The other party is heard all the time; then the call ends, and nothing more is told of it. */
async function whileTalking(
  client: RtppClient,
  name: string,
  party: RtpParty,
  to: MediaPlace,
  act: () => Promise<number>,
): Promise<number> {
  let isOver = false;
  const talk = async (): Promise<void> => {
    while (!isOver) {
      await party.talk(to, PACKETS_PER_SECOND / 2);
    }
  };
  const talking = talk();
  try {
    return await act();
  } finally {
    await client.request(`D ${name} from to`);
    isOver = true;
    await talking;
  }
}

function alarmOf(callId: string, verdict: string): RegExp {
  return new RegExp(`"callId":"${callId}","side":"callee","verdict":"${verdict}"`);
}

interface MediaPlace {
  readonly address: string;
  readonly port: number;
}

interface OpenCall {
  readonly caller: RtpParty;
  readonly callee: RtpParty;
  readonly toCaller: MediaPlace;
  readonly toCallee: MediaPlace;
  readonly answeredAt: number;
}

async function openCall(scope: Scope, client: RtppClient, name: string): Promise<OpenCall> {
  const caller = await RtpParty.open(scope, `${name}-caller`);
  const callee = await RtpParty.open(scope, `${name}-callee`);
  const toCallee = await grant(client, `UH2 ${name} ${caller.address} ${caller.port} from`);
  const toCaller = await grant(client, `LH0 ${name} ${callee.address} ${callee.port} from to`);
  return { caller, callee, toCaller, toCallee, answeredAt: performance.now() };
}

async function grant(client: RtppClient, command: string): Promise<MediaPlace> {
  const outcome = await client.request(command);
  const granted = outcome.kind === 'reply' ? grantedPort(outcome.reply, RELAY_ADDRESS) : undefined;
  if (granted === undefined) {
    throw new Error(`"${command}" was not granted a port`);
  }
  return granted;
}
