/** Calls as a proxy signals them, as fast as the relay answers: U, L and D, each sent when the one before is answered. */
import type { ControlClient } from './control-client.ts';

export interface Load {
  readonly commands: number;
  readonly elapsedMs: number;
  /** From a command to its reply, microseconds each. */
  readonly latenciesUs: readonly number[];
}

/** Names calls apart, over all loads of this process. */
let calls = 0;

/** So many calls side by side for so long; each of them has one command in flight. */
export async function callsFor(client: ControlClient, inFlight: number, durationMs: number): Promise<Load> {
  const latenciesUs: number[] = [];
  const startedAt = performance.now();
  const deadline = startedAt + durationMs;
  const timed = async (command: string, expected: RegExp): Promise<void> => {
    const askedAt = performance.now();
    const reply = await client.ask(command);
    latenciesUs.push((performance.now() - askedAt) * 1000);
    if (!expected.test(reply)) {
      throw new Error(`"${command}" was answered ${JSON.stringify(reply)}`);
    }
  };
  const repeatCalls = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const callId = `bench-${process.pid}-${++calls}`;
      // Tags with the number of their stream: rtpengine reads no others.
      await timed(`Uc0,101 ${callId} 127.0.0.1 40000 caller;1`, /^[1-9]\d* /);
      await timed(`Lc0,101 ${callId} 127.0.0.1 40002 caller;1 callee;1`, /^[1-9]\d* /);
      await timed(`D ${callId} caller callee`, /^0$/);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, repeatCalls));
  return { commands: latenciesUs.length, elapsedMs: performance.now() - startedAt, latenciesUs };
}
