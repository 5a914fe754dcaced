/** When do relay and IMS answer? Asked from outside, without pause, by the same code whoever started them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pingSipOptions } from '../../src/io/sip/options-ping.ts';
import { askRelay } from '../../test/support/rtpp.ts';

/** Between questions, and how long one may wait for its answer, milliseconds. */
const PAUSE_MS = 5;
const ANSWER_MS = 50;
const LIMIT_MS = 30_000;

export interface Answering {
  readonly sipPort: number;
  readonly relayPort: number;
}

/** Resolves when the relay has answered `V` and the IMS an OPTIONS. */
export async function bothAnswer({ sipPort, relayPort }: Answering): Promise<void> {
  await Promise.all([
    untilTrue('the relay', () => askRelay(relayPort, 'V', ANSWER_MS).then(isAnswer, () => false)),
    untilTrue('the IMS', async () => {
      return (await pingSipOptions({ address: '127.0.0.1', port: sipPort }, ANSWER_MS)) === 'answered';
    }),
  ]);
}

function isAnswer(reply: string): boolean {
  return reply !== '';
}

async function untilTrue(who: string, ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await ask())) {
    if (performance.now() > deadline) {
      throw new Error(`${who} did not answer within ${LIMIT_MS} ms`);
    }
    await sleep(PAUSE_MS);
  }
}
