/** What a party of a call has sent, asked of its relay in RTPP (`Q`) and brought into the form of a call record. */
import type { RtppRequest } from '../../rtpp/request.ts';
import type { RtppOutcome } from '../../rtpp-client/outcome.ts';
import type { CdrDirection } from '../../store/call-detail-record.ts';

type Query = RtppRequest & { kind: 'query' };

/** All are those of the party that the command names first. Every rtpproxy since 2015 has the first three. */
const COUNTS = ['npkts_ina', 'rtpa_nsent', 'rtpa_nlost'];
const OURS = ['codec', 'jitter_ms', 'mos', 'verdict'];

/** RTPP: a counter that the relay does not know. */
const UNKNOWN_COUNTER = 62;

/**
 * The call is over: nobody waits for these but its record.
 * @param isOurs the relay knows verdicts, as far as is known
 * @returns undefined: the relay does not answer, or has forgotten the call
 */
export async function askFigures(
  ask: (query: Query) => Promise<RtppOutcome>,
  party: Omit<Query, 'kind' | 'verbose' | 'counters'>,
  isOurs: boolean,
): Promise<CdrDirection | undefined> {
  const query = { ...party, kind: 'query', verbose: true } as const;
  let outcome = await ask({ ...query, counters: isOurs ? [...COUNTS, ...OURS] : COUNTS });
  if (isOurs && outcome.kind === 'reply' && outcome.reply.kind === 'error' && outcome.reply.code === UNKNOWN_COUNTER) {
    outcome = await ask({ ...query, counters: COUNTS });
  }
  return outcome.kind === 'reply' && outcome.reply.kind === 'text' ? parseFigures(outcome.reply.text) : undefined;
}

/** `npkts_ina=250 rtpa_nsent=251 …`; `-`: not known. What is no figure is left out. */
function parseFigures(text: string): CdrDirection | undefined {
  const values = new Map(text.split(' ').map((word) => splitOnce(word)));
  const figure = (name: string): number | undefined => {
    const value = values.get(name) ?? '';
    return /^[0-9]{1,15}(\.[0-9]{1,6})?$/.test(value) ? Number(value) : undefined;
  };
  const word = (name: string): string | undefined => {
    const value = values.get(name) ?? '';
    return /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(value) ? value.replaceAll('_', ' ') : undefined;
  };
  const [packets, sent, lost] = COUNTS.map(figure);
  if (packets === undefined) {
    return undefined;
  }
  const [jitterMs, mos, codec, verdict] = [figure('jitter_ms'), figure('mos'), word('codec'), word('verdict')];
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

function splitOnce(word: string): readonly [string, string] {
  const at = word.indexOf('=');
  return at === -1 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}

function percent(fraction: number): number {
  return Math.round(fraction * 10_000) / 100;
}
