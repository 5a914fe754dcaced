/** What the parties of a call have sent, asked of its relay in RTPP (`Q`) and brought into the form of a call record. */
import type { RtppRequest } from '../../rtpp/request.ts';
import type { RtppOutcome } from '../../rtpp-client/outcome.ts';
import type { CdrDirection } from '../../store/call-detail-record.ts';

type Query = RtppRequest & { kind: 'query' };
type Ask = (query: Query) => Promise<RtppOutcome>;

/** Who a query is about comes first in it. */
export type QueriedParties = Omit<Query, 'kind' | 'verbose' | 'counters'>;

export interface BothDirections {
  readonly caller: CdrDirection;
  readonly callee: CdrDirection;
}

/** All are those of the party that the command names first. Every rtpproxy since 2015 has them. */
const COUNTS = ['npkts_ina', 'rtpa_nsent', 'rtpa_nlost'];

/** Ours tells both parties at once: packets, sent, lost, codec, jitter, MOS and verdict of each. */
const OURS = ['party', 'other'];

/** RTPP: a counter that the relay does not know. */
const UNKNOWN_COUNTER = 62;

/**
 * The call is over: nobody waits for these but its record.
 * @param isOurs the relay knows verdicts, as far as is known
 * @returns undefined: the relay does not answer, or has forgotten the call
 */
export async function askFigures(
  ask: Ask,
  caller: QueriedParties,
  callee: QueriedParties,
  isOurs: boolean,
): Promise<BothDirections | undefined> {
  if (isOurs) {
    const outcome = await ask({ kind: 'query', counters: OURS, ...caller });
    if (!isError(outcome, UNKNOWN_COUNTER)) {
      return bothOf(
        textOf(outcome)
          .split(' ')
          .map((words) => parseSummary(words.split(','))),
      );
    }
  }
  return bothOf(await Promise.all([askCounts(ask, caller), askCounts(ask, callee)]));
}

async function askCounts(ask: Ask, parties: QueriedParties): Promise<CdrDirection | undefined> {
  const text = textOf(await ask({ kind: 'query', verbose: true, counters: COUNTS, ...parties }));
  return parseSummary(text.split(' ').map((word) => word.slice(word.indexOf('=') + 1)));
}

function bothOf([caller, callee]: readonly (CdrDirection | undefined)[]): BothDirections | undefined {
  return caller === undefined || callee === undefined ? undefined : { caller, callee };
}

function textOf(outcome: RtppOutcome): string {
  return outcome.kind === 'reply' && outcome.reply.kind === 'text' ? outcome.reply.text : '';
}

function isError(outcome: RtppOutcome, code: number): boolean {
  return outcome.kind === 'reply' && outcome.reply.kind === 'error' && outcome.reply.code === code;
}

/** Packets, sent and lost, and of ours codec, jitter, MOS and verdict; `-`: not known. What is no figure is left out. */
function parseSummary(words: readonly string[]): CdrDirection | undefined {
  const [packets, sent, lost, , jitterMs, mos] = words.map(figureOf);
  if (packets === undefined) {
    return undefined;
  }
  const [codec, verdict] = [wordOf(words[3]), wordOf(words[6])];
  return {
    packets,
    ...(lost !== undefined && { lost }),
    ...(lost !== undefined && sent !== undefined && sent > 0 && { lossPercent: percent(lost / sent) }),
    ...(codec !== undefined && { codec }),
    ...(jitterMs !== undefined && { jitterMs }),
    ...(mos !== undefined && { mos }),
    ...(verdict !== undefined && { verdict }),
  };
}

function figureOf(text: string): number | undefined {
  return /^[0-9]{1,15}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : undefined;
}

function wordOf(text = ''): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(text) ? text.replaceAll('_', ' ') : undefined;
}

function percent(fraction: number): number {
  return Math.round(fraction * 10_000) / 100;
}
