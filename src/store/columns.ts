/** The columns of call detail records, for CSV and SQL. */
import type { CallDetailRecord, CdrDirection } from './call-detail-record.ts';

export type Column = readonly [name: string, of: (record: CallDetailRecord) => string | number | undefined];

/** In this order for ever: a new column comes last. */
export const COLUMNS: readonly Column[] = [
  ['id', ({ id }) => id],
  ['event', ({ event }) => event],
  ['call_id', ({ callId }) => callId],
  ['callee_call_id', ({ calleeCallId }) => calleeCallId],
  ['caller', ({ caller }) => caller.uri],
  ['caller_address', ({ caller }) => caller.address],
  ['callee', ({ callee }) => callee.uri],
  ['callee_address', ({ callee }) => callee.address],
  ['invited_at', ({ invitedAt }) => invitedAt],
  ['ringing_at', ({ ringingAt }) => ringingAt],
  ['answered_at', ({ answeredAt }) => answeredAt],
  ['ended_at', ({ endedAt }) => endedAt],
  ['duration_seconds', ({ durationSeconds }) => durationSeconds],
  ['ended_by', ({ endedBy }) => endedBy],
  ['status', ({ status }) => status],
  ['cause', ({ cause }) => cause],
  ['reason', ({ reason }) => reason],
  ['relay_ports_caller', ({ relayPorts }) => relayPorts?.caller.join(' ')],
  ['relay_ports_callee', ({ relayPorts }) => relayPorts?.callee.join(' ')],
  ['relay', ({ relay }) => relay],
  ...mediaColumns('caller'),
  ...mediaColumns('callee'),
];

/** Of the first stream, which is the audio of a telephone call; the lines of JSON have all of them. */
function mediaColumns(party: 'caller' | 'callee'): Column[] {
  const column = (name: string, of: (direction: CdrDirection) => string | number | undefined): Column => [
    `${party}_${name}`,
    ({ media }) => media?.[0] && of(media[0][party]),
  ];
  return [
    column('codec', ({ codec }) => codec),
    column('packets', ({ packets }) => packets),
    column('lost', ({ lost }) => lost),
    column('loss_percent', ({ lossPercent }) => lossPercent),
    column('jitter_ms', ({ jitterMs }) => jitterMs),
    column('mos', ({ mos }) => mos),
    column('verdict', ({ verdict }) => verdict),
  ];
}
