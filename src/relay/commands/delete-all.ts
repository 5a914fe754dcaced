import { VERBS } from '../../rtpp/verbs.ts';
import { type CommandSpec, success } from './spec.ts';

export const deleteAll: CommandSpec = {
  verb: VERBS.X,
  name: 'delete all',
  execute(state, { now }) {
    for (const session of [...state.sessions.values()]) {
      state.endSession(now, session, 'delete-all');
    }
    return success('0');
  },
};
