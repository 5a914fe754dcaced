import { BASE_VERSION, CAPABILITIES, NOTIFY_CAPABILITY } from '../../rtpp/capabilities.ts';
import { VERBS } from '../../rtpp/verbs.ts';
import { type CommandSpec, success } from './spec.ts';

export const version: CommandSpec = {
  verb: VERBS.V,
  name: 'version',
  execute: () => success(BASE_VERSION),
};

export const capability: CommandSpec = {
  verb: VERBS.VF,
  name: 'capability',
  execute(state, { line }) {
    const [date] = line.args;
    const known =
      CAPABILITIES.some((row) => row.date === date) &&
      (date !== NOTIFY_CAPABILITY || state.settings.notifyTargets.length > 0);
    return success(known ? '1' : '0');
  },
};
