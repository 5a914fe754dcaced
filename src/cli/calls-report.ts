/** Calls and their media for people. */
import type { CallRow, CallsAnswer } from '../app/launch/calls.ts';
import { type DirectionReport, isAlarm, type Party } from '../relay/quality/report.ts';
import { formatDuration } from './status-report.ts';
import { formatTable } from './table.ts';
import { visible } from './visible.ts';

export const CALL_HEAD = ['call', 'up', 'from', 'codec', 'packets', 'loss', 'jitter', 'MOS', 'media'] as const;

const ALIGNS = ['left', 'right', 'left', 'left', 'right', 'right', 'right', 'right', 'left'] as const;

const NAME_WIDTH = 40;

export function formatCalls({ total, calls }: CallsAnswer, isTty: boolean): string {
  if (calls.length === 0) {
    return 'no calls\n';
  }
  const rows = calls.flatMap((call) => callRows(call));
  const more = total > calls.length ? `${total - calls.length} more, none of them worse\n` : '';
  return `${formatTable(CALL_HEAD, rows, ALIGNS, isTty)}\n${more}`;
}

/** Two rows: what the caller says, and what the callee does. */
export function callRows(call: CallRow): (string | number)[][] {
  const up = call.upMs === null ? 'set up' : formatDuration(call.upMs);
  return [
    [titleOf(call), up, ...directionCells('caller', call.caller)],
    ['', '', ...directionCells('callee', call.callee)],
  ];
}

/** `1001 → 1002`, or the Call-ID where nobody knows who talks. */
export function titleOf({ names, callId }: CallRow): string {
  return names === null
    ? visible(callId, NAME_WIDTH)
    : `${visible(userOf(names.caller), NAME_WIDTH / 2)} → ${visible(userOf(names.callee), NAME_WIDTH / 2)}`;
}

/** The short word; what is wrong is told in full. */
export function mediaWords({ verdict, words }: DirectionReport): string {
  return isAlarm(verdict) || verdict === 'late' ? visible(words) : verdict;
}

function directionCells(party: Party, direction: DirectionReport): (string | number)[] {
  const { codec, packets, lossPercent, jitterMs, mos } = direction;
  const heard = packets > 0;
  return [
    party,
    codec ?? '–',
    packets,
    heard ? `${lossPercent} %` : '–',
    heard && jitterMs !== null ? `${jitterMs} ms` : '–',
    mos === null ? '–' : mos.toFixed(1),
    mediaWords(direction),
  ];
}

/** `sip:1001@host;x=y` is 1001 to those who run the server. */
function userOf(uri: string): string {
  return /^sips?:([^@;]+)@/.exec(uri)?.[1] ?? uri;
}
