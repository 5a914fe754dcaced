import { decodeNotifyTag } from '../../rtpp/notify.ts';
import { VERBS } from '../../rtpp/verbs.ts';
import { sameAddress, type TransportAddress } from '../../wire/ip-address.ts';
import { otherSide, type Side } from '../plane.ts';
import type { Found } from '../session.ts';
import type { RelayState } from '../state.ts';
import { chooseNotify } from './notify.ts';
import { type CommandOutcome, type CommandSpec, failure, type Opening, success } from './spec.ts';
import {
  createSession,
  ensureLeg,
  logLeg,
  parseStreamOptions,
  reportLeg,
  type StreamOptions,
  updateParty,
} from './stream.ts';
import { parseSubcommands, runSubcommands } from './subcommands.ts';

/** `U[mods] call_id addr port from_tag [to_tag] [notify_socket notify_tag]`: create a session, or update a party. */
export const update: CommandSpec = {
  verb: VERBS.U,
  name: 'update',
  *execute(state, { now, line, host }): Opening<CommandOutcome> {
    const [callId = '', address = '', port = '', fromTag = '', ...rest] = line.args;
    // The number of words alone decides: two more are notify arguments without a to_tag.
    const toTag = rest.length === 2 ? undefined : rest[0];
    const notifyTag = rest.length >= 2 ? decodeNotifyTag(rest.at(-1) ?? '') : undefined;
    if (notifyTag?.ok === false) {
      return failure(notifyTag.error);
    }
    const options = parseStreamOptions(state.addresses, line.modifiers, address, port);
    if (!options.ok) {
      return failure(options.error);
    }
    const subcommands = parseSubcommands(state, line.subcommands, { verb: 'U', answerable: toTag !== undefined });
    if (!subcommands.ok) {
      return failure(subcommands.error);
    }
    if (notifyTag !== undefined && state.settings.notifyTargets.length === 0) {
      return failure(75);
    }
    const found = state.sessions.find(callId, fromTag, toTag);
    const done =
      found === undefined
        ? yield* create(state, now, callId, fromTag, toTag, options.value)
        : yield* change(state, now, found, options.value);
    if ('failed' in done) {
      return done;
    }
    const { session, index } = done;
    session.notify =
      notifyTag === undefined ? undefined : chooseNotify(state, now, session, rest.at(-2) ?? '', notifyTag.value, host);
    const context = { session, party: otherSide(index) };
    return success(yield* runSubcommands(state, now, reportLeg(session, index), context, subcommands.value));
  },
};

function* create(
  state: RelayState,
  now: number,
  callId: string,
  fromTag: string,
  toTag: string | undefined,
  options: StreamOptions,
): Opening<Found | CommandOutcome> {
  if (state.draining) {
    return failure(99);
  }
  const session = yield* createSession(state, now, callId, fromTag, options);
  if (session === undefined) {
    return failure(72);
  }
  session.toTag = toTag;
  if (options.modifiers.weak) {
    session.weak[0] = true;
  } else {
    session.strong = true;
  }
  updateParty(state, now, session, 1, options);
  logLeg(state, session, 0, 'session offered');
  return { session, index: 0 };
}

function* change(
  state: RelayState,
  now: number,
  { session, index }: Found,
  options: StreamOptions,
): Opening<Found | CommandOutcome> {
  session.refresh(now);
  if (!(yield* ensureLeg(state, now, session, index, options))) {
    return failure(71);
  }
  if (options.modifiers.weak) {
    session.weak[index] = true;
  } else {
    session.strong = true;
  }
  const party: Side = otherSide(index);
  if (session.complete) {
    session.offeredAgainAt = isSamePlace(session.legs[party].peer, options) ? now : Number.NEGATIVE_INFINITY;
  }
  updateParty(state, now, session, party, options);
  return { session, index };
}

function isSamePlace(known: TransportAddress | undefined, { peer }: StreamOptions): boolean {
  return (
    peer.kind !== 'address' ||
    (known !== undefined && known.port === peer.target.port && sameAddress(known.address, peer.target.address))
  );
}
