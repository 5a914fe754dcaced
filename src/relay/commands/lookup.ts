import { VERBS } from '../../rtpp/verbs.ts';
import { otherSide } from '../plane.ts';
import { type CommandOutcome, type CommandSpec, failure, type Opening, success } from './spec.ts';
import { ensureLeg, parseStreamOptions, reportLeg, updateParty } from './stream.ts';
import { parseSubcommands, runSubcommands } from './subcommands.ts';

/** What an unknown session gets: no E-code, but a failure all the same. */
const UNKNOWN: CommandOutcome = { text: '0', failed: true };

/** `L[mods] call_id addr port from_tag [to_tag]`: the answer to an offer; never creates. */
export const lookup: CommandSpec = {
  verb: VERBS.L,
  name: 'lookup',
  *execute(state, { now, line }): Opening<CommandOutcome> {
    const [callId = '', address = '', port = '', fromTag = '', toTag] = line.args;
    const options = parseStreamOptions(state.addresses, line.modifiers, address, port);
    if (!options.ok) {
      return failure(options.error);
    }
    const subcommands = parseSubcommands(state, line.subcommands, { verb: 'L', answerable: false });
    if (!subcommands.ok) {
      return failure(subcommands.error);
    }
    const found = state.sessions.find(callId, fromTag, toTag);
    if (found === undefined) {
      return UNKNOWN;
    }
    const { session } = found;
    const reported = otherSide(found.index);
    const party = found.index;
    session.toTag ??= toTag;
    session.refresh(now);
    if (session.complete) {
      session.answeredAgainAt = now;
    }
    updateParty(state, now, session, party, options.value);
    if (!(yield* ensureLeg(state, now, session, reported, options.value))) {
      return failure(71);
    }
    if (options.value.modifiers.weak) {
      session.weak[reported] = true;
    }
    const context = { session, party };
    return success(yield* runSubcommands(state, now, reportLeg(session, reported), context, subcommands.value));
  },
};
