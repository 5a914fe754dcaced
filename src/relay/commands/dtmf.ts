/**
 * The subcommand `M3:1 <tag> [<payload type>=101] [h]`: the keys that the party presses are told to the notify target of
 * the session. rtpproxy has this in its module 3, catch_dtmf. `h`: the events are not passed on.
 */
import { decodeNotifyTag } from '../../rtpp/notify.ts';
import { DtmfDetector, type PressedKey } from '../dtmf/dtmf-detector.ts';
import { CALLER_SIDE, type Side } from '../plane.ts';
import type { Session } from '../session.ts';
import type { RelayState } from '../state.ts';

const DEFAULT_PAYLOAD_TYPE = 101;

/** A longer message is cut here, as rtpproxy's buffer does. */
const MAX_MESSAGE_BYTES = 511;

/** False: the words are wrong, or the `U` of the session named nobody to tell. */
export function reportKeys(state: RelayState, session: Session, side: Side, words: readonly string[]): boolean {
  const [text, type = `${DEFAULT_PAYLOAD_TYPE}`, letters = '', ...more] = words;
  const payloadType = /^[0-9]{1,3}$/.test(type) ? Number(type) : Number.NaN;
  const tag = text === undefined ? undefined : decodeNotifyTag(text);
  if (session.notify === undefined || tag?.ok !== true || more.length > 0) {
    return false;
  }
  if (!(payloadType <= 127) || !/^h*$/i.test(letters)) {
    return false;
  }
  const leg = session.legs[side];
  const detector = leg.dtmf?.detector ?? new DtmfDetector(payloadType);
  detector.payloadType = payloadType;
  leg.dtmf = { detector, target: session.notify.target, tag: tag.value };
  state.emit({
    kind: 'detect-keys',
    session: session.id,
    side,
    hidden: letters === '' ? undefined : payloadType,
  });
  return true;
}

/** `<tag> <digit> <volume> <duration> <0: the caller, 1: the callee>` */
export function keyMessage(tag: string, { digit, volume, duration }: PressedKey, side: Side): string {
  const party = side === CALLER_SIDE ? 0 : 1;
  return `${`${tag} ${digit} ${volume} ${duration} ${party}`.slice(0, MAX_MESSAGE_BYTES)}\n`;
}
