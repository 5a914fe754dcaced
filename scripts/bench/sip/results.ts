/** What `npm run bench -- sip` finds, and its table. */
import { formatTable } from '../../../src/cli/table.ts';
import { describeMachine } from '../report.ts';

/** One server under one load. */
export interface SipRound {
  readonly server: string;
  /** Calls begun a second. */
  readonly rate: number;
  readonly calls: number;
  readonly failed: number;
  /** Of all processes of the server; the relay, which both share, is not counted. */
  readonly cpuMsPerCall: number;
  /** From the first INVITE of a call to its 200 as the caller has it, milliseconds; 0 without an answered call. */
  readonly setupP50Ms: number;
  readonly setupP99Ms: number;
  /** Memory of all processes of the server after the load, MiB; what they share is counted once (PSS). */
  readonly memoryMib: number;
}

export interface SipResults {
  readonly talkMs: number;
  readonly seconds: number;
  readonly rounds: readonly SipRound[];
}

/** A load under which more calls fail is not carried. */
export const MAX_FAILED = 0.001;

/** The highest rate that a server carried, all lower ones included; 0: none. */
export function carriedRate(rounds: readonly SipRound[], server: string): number {
  let carried = 0;
  for (const { rate, calls, failed } of rounds.filter((round) => round.server === server)) {
    if (failed > calls * MAX_FAILED) {
      break;
    }
    carried = rate;
  }
  return carried;
}

export function printSipResults({ talkMs, seconds, rounds }: SipResults): void {
  const { date, machine, node } = describeMachine();
  console.log(`bench sip, ${date}, ${machine}, Node ${node}`);
  console.log(`calls of ${talkMs} ms with one anchored stream, ${seconds} s a round; generators on the same machine\n`);
  const body = rounds.map((round) => [
    `${round.rate}/s`,
    round.server,
    `${round.failed} of ${round.calls}`,
    round.cpuMsPerCall.toFixed(2),
    round.setupP50Ms.toFixed(1),
    round.setupP99Ms.toFixed(1),
    round.memoryMib.toFixed(0),
  ]);
  const head = ['load', 'server', 'failed', 'CPU ms a call', 'set-up p50, ms', 'p99, ms', 'MiB'];
  console.log(formatTable(head, body, ['right', 'left', 'right', 'right', 'right', 'right', 'right'], false));
  for (const server of new Set(rounds.map((round) => round.server))) {
    const carried = carriedRate(rounds, server);
    console.log(`${server} carried ${carried} calls/s with at most ${MAX_FAILED * 100} % failed`);
  }
}
