/** What `R`, `C` and `-a` have in common: a tap on one leg or both, opened while the command waits. */
import { type Side, sideName } from '../plane.ts';
import { partyEnding, recordingName } from '../recording/names.ts';
import type { Tap, TapTarget } from '../recording/tap.ts';
import type { Session } from '../session.ts';
import type { RelayState } from '../state.ts';
import type { Opening } from './spec.ts';

/** Records a party; with `single` (and pcap) into one file with the other. False: it cannot be. */
export function* startRecording(state: RelayState, session: Session, side: Side, single: boolean): Opening<boolean> {
  const { recording, recordRtcp } = state.settings;
  if (recording === undefined) {
    return false;
  }
  const name = recordingName(session);
  const { format } = recording;
  if (single && format === 'pcap') {
    return yield* startSingle(state, session, side, `${name}.pcap`);
  }
  const { tap } = session.legs[side];
  if (tap !== undefined) {
    // Once more is fine; but not what goes into one file with the other party.
    return tap.kind !== 'single';
  }
  const stem = `${name}${partyEnding(side)}`;
  const target = { kind: 'files', format, rtp: `${stem}.rtp`, rtcp: recordRtcp ? `${stem}.rtcp` : undefined } as const;
  return yield* openTap(state, session, side, target, undefined);
}

/** A party's part of the pcap of a session. One that is recorded already, there or elsewhere, cannot be added. */
export function* startSingle(state: RelayState, session: Session, side: Side, name: string): Opening<boolean> {
  if (session.legs[side].tap !== undefined) {
    return false;
  }
  const target = { kind: 'single', name, rtcp: state.settings.recordRtcp } as const;
  return yield* openTap(state, session, side, target, undefined);
}

export function* openTap(
  state: RelayState,
  session: Session,
  side: Side,
  target: TapTarget,
  port: Tap['port'],
): Opening<boolean> {
  const id = state.nextTapId();
  const { callId } = session;
  const { local, port: localPort = 0 } = session.legs[side];
  const outcome = yield {
    kind: 'open-tap',
    request: { tap: id, session: session.id, callId, side, local: { address: local.address, port: localPort }, target },
  };
  const fields = { callId, side: sideName(side) };
  if (outcome.kind === 'failed') {
    if (target.kind !== 'remote') {
      state.log.error({ ...fields, err: outcome.cause }, 'cannot record: the file cannot be opened');
    }
    return false;
  }
  session.legs[side].tap = { id, kind: target.kind, port };
  state.log.info({ ...fields, kind: target.kind }, 'recording started');
  return true;
}
