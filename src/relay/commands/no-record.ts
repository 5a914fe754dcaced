import { VERBS } from '../../rtpp/verbs.ts';
import { otherSide } from '../plane.ts';
import { partySide } from '../session.ts';
import { type CommandSpec, failure, success } from './spec.ts';

/** `N[a] call_id from_tag [to_tag]`: no more recording and copying of that party; `a`: of neither. */
export const noRecord: CommandSpec = {
  verb: VERBS.N,
  name: 'stop recording',
  execute(state, { now, line }) {
    if (!/^(?:a.*)?$/i.test(line.modifiers)) {
      return failure(7);
    }
    if (line.modifiers.length > 1) {
      return failure(6);
    }
    const [callId = '', fromTag = '', toTag] = line.args;
    let stopped = false;
    for (const match of state.sessions.findLoosely(callId, fromTag, toTag)) {
      const side = partySide(match);
      const own = state.closeTap(now, match.session, side);
      const other = line.modifiers !== '' && state.closeTap(now, match.session, otherSide(side));
      stopped ||= own || other;
    }
    return stopped ? success('0') : failure(50);
  },
};
