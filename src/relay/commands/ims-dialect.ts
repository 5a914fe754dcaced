/** The dialect of the Python IMS in terms of sessions and legs. Replies carry no cookie. */
import type { Ecode } from '../../rtpp/ecodes.ts';
import type { ImsRequest } from '../../rtpp/ims-dialect.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';
import { otherSide, type Side } from '../plane.ts';
import { type Found, partySide, type Session } from '../session.ts';
import type { RelayState } from '../state.ts';
import { dropReference } from './delete.ts';
import { type CommandOutcome, type Opening, success } from './spec.ts';
import { createSession, ensureLeg, logLeg, NO_OPTIONS, updateParty } from './stream.ts';

export function* executeIms(state: RelayState, now: number, request: ImsRequest): Opening<CommandOutcome> {
  switch (request.kind) {
    case 'offer': {
      const found = yield* findOrCreate(state, now, request);
      return 'failed' in found ? found : success(`${found.session.legs[found.index].port ?? 0}`);
    }
    case 'answer':
    case 'update':
      return yield* answer(state, now, request);
    case 'delete': {
      const [found] = state.sessions.findLoosely(request.callId, request.fromTag, request.toTag);
      if (found === undefined) {
        return refusal('D', 50);
      }
      dropReference(state, now, found, false);
      return success('OK');
    }
    case 'query': {
      const found = state.sessions.find(request.callId, request.fromTag, request.toTag);
      if (found === undefined) {
        return refusal('Q', 50);
      }
      const { session } = found;
      const near = partySide(found);
      return success([session.callId, remote(state, session, near), remote(state, session, otherSide(near))].join(' '));
    }
    default:
      return assertNever(request);
  }
}

/** Opens the leg that faces the caller, after a session that may have to be made first. */
function* answer(
  state: RelayState,
  now: number,
  request: Extract<ImsRequest, { kind: 'answer' | 'update' }>,
): Opening<CommandOutcome> {
  const verb = request.kind === 'update' ? 'U' : 'V';
  const found = yield* findOrCreate(state, now, request);
  if ('failed' in found) {
    return found;
  }
  const { session, index } = found;
  const reported = otherSide(index);
  session.toTag ??= request.toTag;
  if (request.kind === 'update') {
    updateParty(state, now, session, reported, { ...NO_OPTIONS, peer: { kind: 'address', target: request.caller } });
    updateParty(state, now, session, index, { ...NO_OPTIONS, peer: { kind: 'address', target: request.callee } });
  }
  session.refresh(now);
  if (!(yield* ensureLeg(state, now, session, reported, NO_OPTIONS))) {
    return refusal(verb, 71);
  }
  return success(`${session.legs[reported].port ?? 0}`);
}

function* findOrCreate(
  state: RelayState,
  now: number,
  request: Extract<ImsRequest, { kind: 'offer' | 'answer' | 'update' }>,
): Opening<Found | CommandOutcome> {
  const verb = request.kind === 'update' ? 'U' : 'V';
  const toTag = request.kind === 'offer' ? undefined : request.toTag;
  const found = state.sessions.find(request.callId, request.fromTag, toTag);
  if (found !== undefined) {
    found.session.refresh(now);
    return found;
  }
  if (state.draining) {
    return refusal(verb, 99);
  }
  const session = yield* createSession(state, now, request.callId, request.fromTag, NO_OPTIONS);
  if (session === undefined) {
    return refusal(verb, 72);
  }
  session.strong = true;
  logLeg(state, session, 0, 'session offered');
  return { session, index: 0 };
}

function remote(state: RelayState, session: Session, side: Side): string {
  const target = state.meter.leg(session.id, side)?.remote ?? session.legs[side].peer;
  return target === undefined ? '0.0.0.0:0' : formatTransportAddress(target);
}

function refusal(verb: 'V' | 'U' | 'D' | 'Q', code: Ecode): CommandOutcome {
  return { text: `${verb} E${code}`, failed: true };
}
