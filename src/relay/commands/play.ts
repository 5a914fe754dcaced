import { VERBS } from '../../rtpp/verbs.ts';
import { partySide } from '../session.ts';
import { type CommandSpec, failure, success } from './spec.ts';

/**
 * `P[count] call_id prompt codecs from_tag [to_tag]`. This relay plays nothing: it answers as rtpproxy does when
 * the prompt has no file for any of the codecs (E60).
 */
export const play: CommandSpec = {
  verb: VERBS.P,
  name: 'play',
  execute(state, { line }) {
    if (!/^(?:-?[0-9]+)?$/.test(line.modifiers)) {
      return failure(17);
    }
    const [callId = '', , codecs, fromTag = '', toTag] = line.args;
    const found = state.sessions.find(callId, fromTag, toTag);
    if (found === undefined) {
      return failure(50);
    }
    if (line.modifiers !== '' && Number(line.modifiers) === 0) {
      return success('0');
    }
    const stored = found.session.legs[partySide(found)].codecs;
    return failure(codecs === 'session' && stored === undefined ? 35 : 60);
  },
};
