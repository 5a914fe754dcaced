import { VERBS } from '../../rtpp/verbs.ts';
import { type CommandSpec, failure, success } from './spec.ts';

/** Streams of a session, half-open or not: one RTP stream for each leg. */
const STREAMS_PER_SESSION = 2;

/** `I[b][l]`. The brief form equals the full one, and the load is always zero, as in rtpproxy since 3.0. */
export const info: CommandSpec = {
  verb: VERBS.I,
  name: 'info',
  execute(state, { line }) {
    if (!/^[bl]*$/i.test(line.modifiers)) {
      return failure(18);
    }
    const { totals } = state.meter;
    const lines = [
      `sessions created: ${state.statistics.get('nsess_created')}`,
      `active sessions: ${state.sessions.size}`,
      `active streams: ${state.sessions.size * STREAMS_PER_SESSION}`,
      `packets received: ${totals.received}`,
      `packets transmitted: ${totals.relayed + totals.played}`,
    ];
    if (/l/i.test(line.modifiers)) {
      lines.push('average load: 0.000000');
    }
    return success(lines.join('\n'));
  },
};
