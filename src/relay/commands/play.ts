import { VERBS } from '../../rtpp/verbs.ts';
import { otherSide, type Side, sideName } from '../plane.ts';
import { DEFAULT_PACKET_MS, parsePayloadTypes } from '../playing/prompt.ts';
import { partySide, type Session } from '../session.ts';
import type { RelayState } from '../state.ts';
import { type CommandOutcome, type CommandSpec, failure, type Opening, success } from './spec.ts';

/**
 * `P[count] call_id prompt codecs from_tag [to_tag]`: play a prompt to the party named by the from tag. A count below 0:
 * for ever; 0: only stop. `codecs`: payload types in order of preference, or `session`: those of the party's last command.
 * What plays to the party already stops first, whatever becomes of the command.
 */
export const play: CommandSpec = {
  verb: VERBS.P,
  name: 'play',
  *execute(state, { line }): Opening<CommandOutcome> {
    if (!/^(?:-?[0-9]{1,9})?$/.test(line.modifiers)) {
      return failure(17);
    }
    const [callId = '', name = '', codecs = '', fromTag = '', toTag] = line.args;
    const found = state.sessions.find(callId, fromTag, toTag);
    if (found === undefined) {
      return failure(50);
    }
    const { session } = found;
    const side = partySide(found);
    state.stopPlaying(session, side);
    const count = line.modifiers === '' ? 1 : Number(line.modifiers);
    if (count === 0) {
      return success('0');
    }
    const stored = session.legs[side].codecs;
    if (codecs === 'session' && stored === undefined) {
      return failure(35);
    }
    const payloadTypes = parsePayloadTypes(codecs === 'session' ? (stored ?? '') : codecs);
    // The other party's Z says how long packets are to be that leave from this leg.
    const asked = codecs === 'session' ? session.legs[otherSide(side)].packetMs : 0;
    const times = count < 0 ? Number.POSITIVE_INFINITY : count;
    const plays =
      payloadTypes !== undefined &&
      (yield* start(state, session, side, { name, payloadTypes, packetMs: asked || DEFAULT_PACKET_MS, times }));
    return plays ? success('0') : failure(60);
  },
};

interface Prompt {
  readonly name: string;
  readonly payloadTypes: readonly number[];
  readonly packetMs: number;
  readonly times: number;
}

function* start(state: RelayState, session: Session, side: Side, prompt: Prompt): Opening<boolean> {
  const player = state.nextPlayerId();
  const { callId, id } = session;
  const outcome = yield { kind: 'play', request: { player, session: id, callId, side, ...prompt } };
  const fields = { callId, side: sideName(side), path: prompt.name };
  if (outcome.kind === 'failed') {
    state.log.warn({ ...fields, err: outcome.cause }, 'cannot play: there is no prompt for any of the codecs');
    return false;
  }
  session.legs[side].player = player;
  state.statistics.add('nplrs_created');
  state.log.info(fields, 'prompt started');
  return true;
}
