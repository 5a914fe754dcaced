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
  execute(_state, { line }) {
    const [date] = line.args;
    // Notification depends on a target being configured (-n), and this relay takes none.
    const known = date !== NOTIFY_CAPABILITY && CAPABILITIES.some((row) => row.date === date);
    return success(known ? '1' : '0');
  },
};
