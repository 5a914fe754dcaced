import { VERBS } from '../../rtpp/verbs.ts';
import type { Found } from '../session.ts';
import type { RelayState } from '../state.ts';
import { type CommandSpec, failure, success } from './spec.ts';

/** `D[w] call_id from_tag [to_tag]`: every stream that the tags name, up to the first that they name exactly. */
export const deleteSession: CommandSpec = {
  verb: VERBS.D,
  name: 'delete',
  execute(state, { now, line }) {
    if (!/^w*$/i.test(line.modifiers)) {
      return failure(8);
    }
    const [callId = '', fromTag = '', toTag] = line.args;
    const matches = state.sessions.findLoosely(callId, fromTag, toTag);
    for (const match of matches) {
      dropReference(state, now, match, line.modifiers !== '');
      if (match.exact) {
        break;
      }
    }
    return matches.length === 0 ? failure(50) : success('0');
  },
};

/**
 * Takes one reference away and ends the session when none is left. A weak delete through the from tag clears the
 * flag of index 1, one through the to tag that of index 0: the inversion is rtpproxy's, and clients live with it.
 */
export function dropReference(state: RelayState, now: number, { session, index }: Found, weak: boolean): void {
  if (weak) {
    session.weak[index === 0 ? 1 : 0] = false;
  } else {
    session.strong = false;
  }
  if (!session.referenced) {
    state.endSession(now, session, 'delete');
  }
}
