import { VERBS } from '../../rtpp/verbs.ts';
import { partySide } from '../session.ts';
import { type CommandOutcome, type CommandSpec, failure, type Opening, success } from './spec.ts';
import { startRecording } from './taps.ts';

/**
 * `R[s] call_id from_tag [to_tag]`: record the party named by the from tag, on every stream of the call; `s` with `-P`:
 * both parties in one file. Every failure of it is E50, that of the disk included.
 */
export const record: CommandSpec = {
  verb: VERBS.R,
  name: 'record',
  *execute(state, { line }): Opening<CommandOutcome> {
    const unknown = line.modifiers.replaceAll(/s/gi, '').charAt(0).toUpperCase();
    if (unknown !== '') {
      return failure(unknown === 'P' ? 6 : 7);
    }
    const [callId = '', fromTag = '', toTag] = line.args;
    let started = false;
    for (const match of state.sessions.findLoosely(callId, fromTag, toTag)) {
      const done = yield* startRecording(state, match.session, partySide(match), line.modifiers !== '');
      started ||= done;
    }
    return started ? success('0') : failure(50);
  },
};
