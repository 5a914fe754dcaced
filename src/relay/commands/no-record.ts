import { VERBS } from '../../rtpp/verbs.ts';
import { type CommandSpec, failure } from './spec.ts';

/** `N[a] call_id from_tag [to_tag]`. Nothing is ever recorded here, so there is nothing to stop: E50. */
export const noRecord: CommandSpec = {
  verb: VERBS.N,
  name: 'stop recording',
  execute(_state, { line }) {
    if (!/^(?:a.*)?$/i.test(line.modifiers)) {
      return failure(7);
    }
    return failure(line.modifiers.length > 1 ? 6 : 50);
  },
};
