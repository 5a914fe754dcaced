import { VERBS } from '../../rtpp/verbs.ts';
import type { LegCounters } from '../media/counters.ts';
import { otherSide, type Side, sideName } from '../plane.ts';
import type { DirectionReport } from '../quality/report.ts';
import { partySide, type Session } from '../session.ts';
import { type CommandOutcome, type CommandSpec, failure, type Opening, success } from './spec.ts';
import { parseSubcommands, runSubcommands } from './subcommands.ts';

/** What a counter of `Q` is read from: `near` is the party named by the from argument. */
interface Subject {
  readonly now: number;
  readonly session: Session;
  readonly near: LegCounters;
  readonly far: LegCounters;
  /** What `calls` tells of the party, and of the other one. */
  readonly report: () => DirectionReport;
  readonly farReport: () => DirectionReport;
}

const DEFAULT_COUNTERS = ['ttl', 'npkts_ina', 'npkts_ino', 'nrelayed', 'ndropped'];

const QUERY_COUNTERS: Readonly<Record<string, (subject: Subject) => string>> = {
  ttl: ({ session, now }) => `${session.remainingSeconds(now)}`,
  npkts_ina: ({ near }) => `${near.rtpAccepted}`,
  npkts_ino: ({ far }) => `${far.rtpAccepted}`,
  nrelayed: ({ near, far }) => `${near.rtpRelayed + far.rtpRelayed}`,
  ndropped: ({ near, far }) => `${near.rtpDropped + far.rtpDropped}`,
  longest_ipi: ({ near }) => (near.analysis.longestGapMs / 1000).toFixed(6),
  rtpa_jlast: ({ near }) => near.analysis.jitterLast.toFixed(6),
  rtpa_jmax: ({ near }) => near.analysis.jitterMax.toFixed(6),
  rtpa_javg: ({ near }) => near.analysis.jitterMean.toFixed(6),
  rtpa_nsent: ({ near }) => `${near.analysis.sent}`,
  rtpa_nrcvd: ({ near }) => `${near.analysis.received}`,
  rtpa_ndups: ({ near }) => `${near.analysis.duplicates}`,
  rtpa_nlost: ({ near }) => `${near.analysis.lost}`,
  rtpa_perrs: ({ near }) => `${near.analysis.parseErrors}`,
  // Of ours alone: rtpproxy answers E62.
  codec: ({ report }) => report().codec?.replaceAll(' ', '_') ?? '-',
  jitter_ms: ({ report }) => `${report().jitterMs ?? '-'}`,
  mos: ({ report }) => `${report().mos ?? '-'}`,
  verdict: ({ report }) => report().verdict,
  party: ({ near, report }) => summary(near, report()),
  other: ({ far, farReport }) => summary(far, farReport()),
};

/** All that a call record wants of a direction: packets, sent, lost, codec, jitter in ms, MOS, verdict. */
function summary({ rtpAccepted, analysis }: LegCounters, { codec, jitterMs, mos, verdict }: DirectionReport): string {
  const name = codec?.replaceAll(/[ ,]/g, '_') ?? '-';
  return `${rtpAccepted},${analysis.sent},${analysis.lost},${name},${jitterMs ?? '-'},${mos ?? '-'},${verdict}`;
}

/** `Q[v] call_id from_tag [to_tag [counter …]]`: counters of one session. */
export const query: CommandSpec = {
  verb: VERBS.Q,
  name: 'query',
  *execute(state, { now, line, replyBytes }): Opening<CommandOutcome> {
    const subcommands = parseSubcommands(state, line.subcommands, { verb: 'Q', answerable: false });
    if (!subcommands.ok) {
      return failure(subcommands.error);
    }
    const [callId = '', fromTag = '', toTag, ...names] = line.args;
    const found = state.sessions.find(callId, fromTag, toTag);
    if (found === undefined) {
      return failure(50);
    }
    // Only Q looks at its modifiers after the session.
    if (!/^v*$/i.test(line.modifiers)) {
      return failure(19);
    }
    const { session } = found;
    const party = partySide(found);
    for (const side of [0, 1] as const) {
      const { lastAcceptedAt, lastPlayedAt } = state.counters(session, side);
      session.packetSeen(side, lastAcceptedAt);
      session.packetSeen(otherSide(side), lastPlayedAt);
    }
    const near = state.counters(session, party);
    const far = state.counters(session, otherSide(party));
    let known: ReturnType<typeof state.media.report> | undefined;
    const reportOf = (side: Side): DirectionReport => {
      known ??= state.media.report(now, session);
      return known[sideName(side)];
    };
    const report = () => reportOf(party);
    const farReport = () => reportOf(otherSide(party));
    const values: string[] = [];
    for (const name of names.length === 0 ? DEFAULT_COUNTERS : names) {
      const read = Object.hasOwn(QUERY_COUNTERS, name) ? QUERY_COUNTERS[name] : undefined;
      if (read === undefined) {
        return failure(62);
      }
      const value = read({ now, session, near, far, report, farReport });
      values.push(line.modifiers === '' ? value : `${name}=${value}`);
    }
    const text = values.join(' ');
    if (text.length > replyBytes) {
      return failure(26);
    }
    const context = { session, party };
    return success(yield* runSubcommands(state, now, text, context, subcommands.value));
  },
};
