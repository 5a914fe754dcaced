/** Calls through a relay, set up as a proxy does: U for the offer, L for the answer, D at the end. */
import type { RtppClient } from '../../../src/io/rtpp-client-driver.ts';
import { grantedPort, type RtppReply } from '../../../src/rtpp/reply.ts';
import { describeOutcome } from '../../../src/rtpp-client/outcome.ts';
import type { Call } from './generator.ts';
import type { LoadGenerator } from './load-generator.ts';

/** Requests in flight while many calls are set up. */
const IN_FLIGHT = 16;
/** Patient: a relay that drowns in media answers late. */
const RETRY = { firstMs: 500, factor: 1, budgetMs: 20_000 };

/** @throws Error when the relay refuses, or grants a port on another address than it should. */
export async function setUpCalls(
  client: RtppClient,
  generator: LoadGenerator,
  slots: readonly number[],
  nextSerial: () => number,
): Promise<Call[]> {
  return await inParallel(slots, (slot) => setUpCall(client, generator, slot, nextSerial()));
}

export async function tearDownCalls(client: RtppClient, calls: readonly Call[]): Promise<void> {
  await inParallel(calls, async ({ serial }) => await ask(client, `D ${name(serial)} ${FROM} ${TO}`));
}

/** Tags as rtpproxy's clients write them; rtpengine demands the media number behind the semicolon. */
const FROM = 'from;1';
const TO = 'to;1';

function name(serial: number): string {
  return `load-${serial}`;
}

async function setUpCall(client: RtppClient, generator: LoadGenerator, slot: number, serial: number): Promise<Call> {
  const { options, ports } = generator;
  const [caller, callee] = options.addresses;
  const [callerPort, calleePort] = ports[slot] ?? [0, 0];
  const grant = async (command: string): Promise<number> => {
    const granted = grantedPort(await ask(client, command), options.relayAddress);
    if (granted?.address !== options.relayAddress) {
      throw new Error(`"${command}" was answered with ${granted?.address ?? 'no port'}`);
    }
    return granted.port;
  };
  const toCallee = await grant(`U ${name(serial)} ${caller} ${callerPort} ${FROM}`);
  const toCaller = await grant(`L ${name(serial)} ${callee} ${calleePort} ${FROM} ${TO}`);
  // The offer's answer goes to the callee: it is where the callee sends.
  return { slot, serial, ports: [toCaller, toCallee] };
}

async function ask(client: RtppClient, command: string): Promise<RtppReply> {
  const outcome = await client.request(command, RETRY);
  if (outcome.kind !== 'reply' || outcome.reply.kind === 'error') {
    throw new Error(`"${command}": ${describeOutcome(outcome)}`);
  }
  return outcome.reply;
}

async function inParallel<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await act(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  return results;
}
