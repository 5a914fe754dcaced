/** What `npm run bench -- sip` finds, and its table. */
import { formatTable } from '../../../src/cli/table.ts';

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

/** Users of ims-server that register with digest, one after the other, with some on their way at a time. */
export interface RegistrationFigures {
  readonly count: number;
  readonly perSecond: number;
  /** Of the server, for REGISTER, challenge, REGISTER and 200. */
  readonly cpuMsEach: number;
  /** PSS of the server with all accounts configured, before and after, MiB. */
  readonly mibBefore: number;
  readonly mibAfter: number;
}

export interface SipResults {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly loadBefore: number;
  readonly talkMs: number;
  readonly seconds: number;
  readonly rounds: readonly SipRound[];
  readonly registrations?: RegistrationFigures | undefined;
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

export function printSipResults({ date, machine, node, talkMs, seconds, rounds, registrations }: SipResults): void {
  console.log(`bench sip, ${date}, ${machine}, Node ${node}`);
  console.log(`calls of ${talkMs} ms with one anchored stream, ${seconds} s a round; generators on the same machine\n`);
  const aligns = HEAD.map((_, index) => (index === 1 ? 'left' : 'right')) as ('left' | 'right')[];
  console.log(formatTable([...HEAD], rounds.map(cells), aligns, false));
  for (const server of serversOf(rounds)) {
    console.log(carriedText(rounds, server));
  }
  if (registrations !== undefined) {
    console.log(registrationText(registrations));
  }
}

/** For the README: the rates that both have been asked for, and the ratio. */
export function sipMarkdown({
  rounds,
  talkMs,
  seconds,
  date,
  machine,
  node,
  loadBefore,
  registrations,
}: SipResults): string {
  const ratios = new Map<number, string>();
  for (const { rate } of rounds) {
    const [ours, theirs] = ['ims-server', 'kamailio'].map((name) =>
      rounds.find((round) => round.rate === rate && round.server === name),
    );
    if (ours !== undefined && theirs !== undefined) {
      ratios.set(rate, `× ${(ours.cpuMsPerCall / theirs.cpuMsPerCall).toFixed(2)}`);
    }
  }
  return [
    `Calls of ${talkMs} ms with one anchored stream between two sipp, ${seconds} s at each rate, the same relay for both; all on one machine:`,
    `${machine}, Node ${node}, ${date}, load average before it began ${loadBefore}.`,
    '',
    `| ${[...HEAD, 'CPU of Kamailio’s'].join(' | ')} |`,
    `|${HEAD.map((_, index) => (index === 1 ? '---' : '---:')).join('|')}|---:|`,
    ...rounds.map((round) => {
      const ratio = round.server === 'ims-server' ? (ratios.get(round.rate) ?? '–') : '–';
      return `| ${[...cells(round), ratio].join(' | ')} |`;
    }),
    '',
    ...serversOf(rounds).map((server) => `${carriedText(rounds, server)}.`),
    ...(registrations === undefined ? [] : [`${registrationText(registrations)}.`]),
  ].join('\n');
}

const HEAD = ['load', 'server', 'failed', 'CPU ms a call', 'set-up p50, ms', 'p99, ms', 'MiB'] as const;

function cells(round: SipRound): string[] {
  return [
    `${round.rate}/s`,
    round.server,
    `${round.failed} of ${round.calls}`,
    round.cpuMsPerCall.toFixed(2),
    round.setupP50Ms.toFixed(1),
    round.setupP99Ms.toFixed(1),
    round.memoryMib.toFixed(0),
  ];
}

function serversOf(rounds: readonly SipRound[]): string[] {
  return [...new Set(rounds.map(({ server }) => server))];
}

function carriedText(rounds: readonly SipRound[], server: string): string {
  return `${server} carried ${carriedRate(rounds, server)} calls/s with at most ${MAX_FAILED * 100} % failed`;
}

function registrationText({ count, perSecond, cpuMsEach, mibBefore, mibAfter }: RegistrationFigures): string {
  const each = ((mibAfter - mibBefore) * 2 ** 20) / count;
  return (
    `${count} users registered with digest, ${Math.round(perSecond)} a second and ${cpuMsEach.toFixed(2)} ms of CPU each; ` +
    `memory ${Math.round(mibBefore)} → ${Math.round(mibAfter)} MiB, ${Math.round(each)} bytes each`
  );
}
