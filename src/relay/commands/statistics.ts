import { VERBS } from '../../rtpp/verbs.ts';
import { isCounterName } from '../stats.ts';
import { type CommandSpec, failure, success } from './spec.ts';

/** `G[v] [counter …]`: counters of the whole relay. Without names the reply is an empty line. */
export const statistics: CommandSpec = {
  verb: VERBS.G,
  name: 'statistics',
  execute(state, { line, replyBytes }) {
    if (!/^v*$/i.test(line.modifiers)) {
      return failure(9);
    }
    const verbose = line.modifiers !== '';
    const values: string[] = [];
    for (const name of line.args) {
      if (!isCounterName(name)) {
        return failure(68);
      }
      const value = state.statistics.format(name, state.meter.totals);
      values.push(verbose ? `${name}=${value}` : value);
    }
    const text = values.join(' ');
    return text.length > replyBytes ? failure(25) : success(text);
  },
};
