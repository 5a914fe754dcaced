/** `npm run bench -- control`: how fast relays answer a proxy, beside each other in the same run. */
import { createScope } from '../../test/support/scope.ts';
import { type ControlClient, openUdpClient, openUnixClient } from './control-client.ts';
import { callsFor } from './control-load.ts';
import { type RelayUnderTest, startRelays } from './control-relays.ts';
import { cpuMs } from './cpu.ts';
import { type BenchReport, type BenchTable, quantiles, tail } from './report.ts';

/** Each combination has its turn in each round, so that what else the machine does meets all of them. */
const ROUNDS = 10;
const TURN_MS = 1000;
const IN_FLIGHT = [1, 64];

/** One relay over one transport with so many commands in flight, over all rounds. */
interface Contestant {
  readonly what: string;
  readonly relay: RelayUnderTest;
  readonly client: ControlClient;
  readonly inFlight: number;
  readonly commandsPerSecond: number[];
  readonly latenciesUs: number[];
  /** Of the relay, for each command. */
  readonly cpuUs: number[];
  /** Share of its time that the asking process was on a CPU: near 1, the client is what is measured. */
  readonly clientBusy: number[];
}

export async function benchControl(): Promise<BenchReport> {
  const { scope, close } = createScope();
  try {
    const relays = await startRelays(scope);
    const contestants: Contestant[] = [];
    for (const inFlight of IN_FLIGHT) {
      for (const [transport, relay] of turnsOf(relays)) {
        const client =
          transport === 'udp' ? await openUdpClient(relay.udpPort) : openUnixClient(relay.unixPath as string);
        scope.defer(() => client.close());
        const lists = { commandsPerSecond: [], latenciesUs: [], cpuUs: [], clientBusy: [] };
        contestants.push({ what: `${relay.name}, ${transport}`, relay, client, inFlight, ...lists });
      }
    }
    // The first round is for compilers and caches, and is not counted.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const contestant of contestants) {
        await takeTurn(contestant, round > 0);
      }
    }
    return { name: 'control', tables: IN_FLIGHT.flatMap((inFlight) => tablesOf(contestants, inFlight)) };
  } finally {
    await close();
  }
}

function turnsOf(relays: readonly RelayUnderTest[]): ['udp' | 'unix', RelayUnderTest][] {
  return [
    ...relays.map((relay) => ['udp', relay] as ['udp', RelayUnderTest]),
    ...relays
      .filter(({ unixPath }) => unixPath !== undefined)
      .map((relay) => ['unix', relay] as ['unix', RelayUnderTest]),
  ];
}

async function takeTurn(contestant: Contestant, counted: boolean): Promise<void> {
  const { relay, client, inFlight } = contestant;
  const [relayBefore, clientBefore] = [cpuMs(relay.pid), process.cpuUsage()];
  const { commands, elapsedMs, latenciesUs } = await callsFor(client, inFlight, TURN_MS);
  const [relayMs, clientUse] = [cpuMs(relay.pid) - relayBefore, process.cpuUsage(clientBefore)];
  if (!counted) {
    return;
  }
  contestant.commandsPerSecond.push((commands / elapsedMs) * 1000);
  contestant.cpuUs.push((relayMs / commands) * 1000);
  contestant.clientBusy.push((clientUse.user + clientUse.system) / 1000 / elapsedMs);
  for (const latency of latenciesUs) {
    contestant.latenciesUs.push(latency);
  }
}

function tablesOf(all: readonly Contestant[], inFlight: number): BenchTable[] {
  const contestants = all.filter((contestant) => contestant.inFlight === inFlight);
  const calls = `U, L and D of ${inFlight === 1 ? 'one call after the other' : `${inFlight} calls at a time`}`;
  return [
    {
      title: `${calls}: commands a second, ${ROUNDS} interleaved turns of ${TURN_MS / 1000} s`,
      unit: '1/s',
      rows: contestants.map(({ what, commandsPerSecond, clientBusy, client }) => {
        const repeated = client.repeated === 0 ? '' : `, ${client.repeated} commands sent again`;
        const note = `client busy ${Math.round(100 * quantiles(clientBusy).p50)} %${repeated}`;
        return { what, figures: { ...quantiles(commandsPerSecond) }, note };
      }),
    },
    {
      title: `${calls}: from a command to its reply, as the client sees it`,
      unit: 'µs',
      rows: contestants.map(({ what, latenciesUs }) => {
        const { p50, p99, max, n } = tail(latenciesUs);
        return { what, figures: { p50, p99, max, n } };
      }),
    },
    {
      title: `${calls}: CPU time of the relay for each command`,
      unit: 'µs',
      rows: contestants.map(({ what, cpuUs }) => ({ what, figures: { ...quantiles(cpuUs) } })),
    },
  ];
}
