/**
 * Names of recordings, as rtpproxy gives them: `<call_id>=<from_tag>` and what distinguishes the file. They are names in
 * a directory and never lead out of it, whatever a Call-ID holds.
 */
import type { Side } from '../plane.ts';
import { CALLER_SIDE } from '../plane.ts';
import type { Session } from '../session.ts';

/** Longest name that file systems take, bytes; ours leave room for the longest ending. */
const MAX_NAME_BYTES = 240;

/** What the recordings of a session are called. */
export function recordingName({ callId, fromTag }: Pick<Session, 'callId' | 'fromTag'>): string {
  const [, tag = '', media = ''] = /^(.*?)(;[0-9]+)?$/s.exec(fromTag) ?? [];
  // The first stream has rtpproxy's name. The others would overwrite it there; here they keep their number.
  return safeName(`${callId}=${tag}${media === ';1' ? '' : media}`);
}

/** `.o`: what the originator, that is the caller, sent; `.a`: the answerer. */
export function partyEnding(side: Side): '.o' | '.a' {
  return side === CALLER_SIDE ? '.o' : '.a';
}

/** Undefined: a name that `C` must not have (empty, or a directory). */
export function copyName(text: string): string | undefined {
  const name = safeName(text);
  return name === '' || name === '.' || name === '..' ? undefined : name;
}

/** One path component, whatever came in: `/` and control characters become `_`. */
function safeName(text: string): string {
  let name = '';
  for (const character of text.slice(0, MAX_NAME_BYTES)) {
    name += character === '/' || character < ' ' || character === '\x7f' ? '_' : character;
  }
  return name;
}
