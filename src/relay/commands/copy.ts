import { VERBS } from '../../rtpp/verbs.ts';
import { type CommandSpec, failure } from './spec.ts';

/** `C[s][p] call_id target from_tag [to_tag]`. This relay copies no streams: E65 once the session is found. */
export const copy: CommandSpec = {
  verb: VERBS.C,
  name: 'copy',
  execute(state, { line }) {
    if (!/^[sp]*$/i.test(line.modifiers)) {
      return failure(7);
    }
    const [callId = '', , fromTag = '', toTag] = line.args;
    return failure(state.sessions.find(callId, fromTag, toTag) === undefined ? 50 : 65);
  },
};
