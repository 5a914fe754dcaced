import { VERBS } from '../../rtpp/verbs.ts';
import { type CommandSpec, failure } from './spec.ts';

/** `R[s] call_id from_tag [to_tag]`. This relay has no recording directory, and every failure of R is E50. */
export const record: CommandSpec = {
  verb: VERBS.R,
  name: 'record',
  execute(_state, { line }) {
    const unknown = line.modifiers.replaceAll(/s/gi, '').charAt(0).toUpperCase();
    if (unknown !== '') {
      return failure(unknown === 'P' ? 6 : 7);
    }
    return failure(50);
  },
};
