/**
 * The subcommand `C call_id from_tag to_tag`: this session is fed with copies of both directions of another one. The party
 * that the main command is about hears what the party named by the from tag hears; the other one what the other one hears.
 * What the parties of this session send themselves goes nowhere.
 */
import type { Side } from '../plane.ts';
import type { Session } from '../session.ts';
import type { RelayState } from '../state.ts';

/** Copies of one session at once: each packet of it is sent so many times more. */
const MAX_FORKS = 16;

export interface ForkSource {
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string;
}

/** False: there is no such other session, or it has copies enough. */
export function fork(state: RelayState, target: Session, party: Side, { callId, fromTag, toTag }: ForkSource): boolean {
  const found = state.sessions.find(callId, fromTag, toTag);
  if (found === undefined || found.session === target) {
    return false;
  }
  const source = found.session;
  if (source.forks.size >= MAX_FORKS && !source.forks.has(target.id)) {
    return false;
  }
  state.stopFeeding(target);
  source.forks.add(target.id);
  target.fedBy = source.id;
  state.emit({ kind: 'feed', source: source.id, target: target.id, crossed: found.index !== party });
  const fields = { callId: target.callId, fromTag: target.fromTag, reason: source.callId };
  state.log.info(fields, 'session fed with copies of another one');
  return true;
}
