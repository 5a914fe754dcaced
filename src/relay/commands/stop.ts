import { VERBS } from '../../rtpp/verbs.ts';
import { type CommandSpec, failure, success } from './spec.ts';

/** `S call_id from_tag [to_tag]`: success whether or not something was playing. */
export const stop: CommandSpec = {
  verb: VERBS.S,
  name: 'stop',
  execute(state, { line }) {
    const [callId = '', fromTag = '', toTag] = line.args;
    return state.sessions.find(callId, fromTag, toTag) === undefined ? failure(50) : success('0');
  },
};
