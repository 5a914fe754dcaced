import { VERBS } from '../../rtpp/verbs.ts';
import { partySide } from '../session.ts';
import { type CommandSpec, failure, success } from './spec.ts';

/** `S call_id from_tag [to_tag]`: success whether or not something was playing to that party. */
export const stop: CommandSpec = {
  verb: VERBS.S,
  name: 'stop',
  execute(state, { line }) {
    const [callId = '', fromTag = '', toTag] = line.args;
    const found = state.sessions.find(callId, fromTag, toTag);
    if (found === undefined) {
      return failure(50);
    }
    state.stopPlaying(found.session, partySide(found));
    return success('0');
  },
};
