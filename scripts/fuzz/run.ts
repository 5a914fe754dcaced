/** So many hostile commands to one fresh relay, and what must be true of it afterwards. */
import fc from 'fast-check';
import { hostileCommand } from '../../test/support/command-fuzz.ts';
import type { Scope } from '../../test/support/scope.ts';
import { waitFor } from '../../test/support/wait.ts';
import type { Transport } from './conversation.ts';
import { type Holdings, PAIRS, RelayUnderFuzz } from './relay.ts';

/** Commands between two questions whether the relay still answers. */
const BATCH = 64;

/** Commands drawn at once: drawing one by one would take longer than sending them. */
const DRAWN = 2048;

/** What the relay takes is compared from here on: caches have their size, and the code is compiled. */
const WARM_UP_SHARE = 0.3;

/** Between two samples of V8's heap; what is not collected yet is no leak. */
const EXTRA_MEMORY_BYTES = 32 * 1024 * 1024;

/** The connection to whom time-outs are told stays open. */
const KEPT_DESCRIPTORS = 1;

/** Timers end sessions and prompts, the recorder closes its files. */
const SETTLE_MS = 30_000;

export interface FuzzResult {
  readonly commands: number;
  readonly seconds: number;
  /** Of the commands, those that did what they say. */
  readonly succeeded: number;
  readonly sessions: number;
  readonly before: Holdings;
  readonly warm: Holdings;
  readonly after: Holdings;
}

/** @throws Error that says what was lost; with the seed the same commands come again. */
export async function fuzz(scope: Scope, transport: Transport, commands: number, seed: number): Promise<FuzzResult> {
  const relay = await RelayUnderFuzz.start(scope, transport);
  const before = await atRest(relay);
  const startedAt = performance.now();
  const warmUp = commands * WARM_UP_SHARE;
  let warm: Holdings | undefined;
  let sent = 0;
  for (const batch of batches(commands, seed)) {
    await relay.conversation.send(batch);
    sent += batch.length;
    if (warm === undefined && sent >= warmUp) {
      warm = relay.holdings();
    }
  }
  const seconds = (performance.now() - startedAt) / 1000;
  relay.conversation.close();
  const [sessions, succeeded] = (await relay.ask('G nsess_created ncmds_succd')).split(' ').map(Number);
  const after = await nothingLeft(relay, before);
  if (commands >= 100_000 && after.memoryBytes > (warm?.memoryBytes ?? 0) + EXTRA_MEMORY_BYTES) {
    throw new Error(
      `${transport}: the relay grew from ${mib(warm?.memoryBytes ?? 0)} to ${mib(after.memoryBytes)} MiB`,
    );
  }
  await everyPairIsThere(relay);
  const code = await relay.stop();
  if (code !== 0) {
    throw new Error(`${transport}: ims-relay ended with ${code}`);
  }
  return {
    commands: sent,
    seconds,
    succeeded: succeeded ?? 0,
    sessions: sessions ?? 0,
    before,
    warm: warm ?? after,
    after,
  };
}

export function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function* batches(commands: number, seed: number): Generator<string[], void, void> {
  const arbitrary = hostileCommand();
  for (let drawn = 0; drawn < commands; drawn += DRAWN) {
    // Another seed for each lot, so that the first N commands of a long run are those of a short one.
    const lot = fc.sample(arbitrary, { numRuns: Math.min(DRAWN, commands - drawn), seed: (seed + drawn) | 0 });
    for (let index = 0; index < lot.length; index += BATCH) {
      yield lot.slice(index, index + BATCH);
    }
  }
}

async function atRest(relay: RelayUnderFuzz): Promise<Holdings> {
  await relay.ask('X');
  return relay.holdings();
}

/** After `X`: no session, no descriptor and no port more than before the first command. */
async function nothingLeft(relay: RelayUnderFuzz, before: Holdings): Promise<Holdings> {
  try {
    return await waitFor(
      'the release of all that the sessions held',
      async () => {
        const now = await atRest(relay);
        const sessions = /^active sessions: (\d+)$/m.exec(await relay.ask('I'))?.[1];
        const whole = await relay.ask('G nsess_created nsess_destroyed nplrs_created nplrs_destroyed');
        const [created, destroyed, players, ended] = whole.split(' ');
        const isOver = sessions === '0' && created === destroyed && players === ended;
        return (
          isOver && now.descriptors <= before.descriptors + KEPT_DESCRIPTORS && now.udpPorts === before.udpPorts && now
        );
      },
      { timeoutMs: SETTLE_MS, intervalMs: 200 },
    );
  } catch (error) {
    const counters = await relay.ask('Gv nsess_created nsess_destroyed nplrs_created nplrs_destroyed');
    throw new Error(`${(error as Error).message}: ${counters}; its descriptors:\n${relay.descriptors()}`);
  }
}

/**
 * Every pair of the range can still be had, and not one more: none is lost, none is handed out twice. Another program
 * may hold a port of the range for a moment; what is lost stays so.
 */
async function everyPairIsThere(relay: RelayUnderFuzz): Promise<void> {
  await waitFor(
    `each of ${PAIRS} port pairs to be had once more`,
    async () => {
      const ports = new Set<string>();
      for (let call = 0; call <= PAIRS; call++) {
        const reply = await relay.ask(`U all-${call} 127.0.0.1 4000 A`);
        if (/^[0-9]+ /.test(reply)) {
          ports.add(reply.split(' ')[0] ?? '');
        }
      }
      await relay.ask('X');
      return ports.size === PAIRS;
    },
    { timeoutMs: SETTLE_MS, intervalMs: 500 },
  );
}
