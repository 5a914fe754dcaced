/** Call detail records as CSV (RFC 4180), for spreadsheets and billing. */
import type { CallDetailRecord } from './call-detail-record.ts';

/** In this order for ever: a new column comes last. */
const COLUMNS: readonly (readonly [name: string, of: (record: CallDetailRecord) => string | number | undefined])[] = [
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
];

export const CSV_HEADER = `${COLUMNS.map(([name]) => name).join(',')}\r\n`;

export function csvRow(record: CallDetailRecord): string {
  return `${COLUMNS.map(([, of]) => cell(of(record))).join(',')}\r\n`;
}

/** A text that a spreadsheet would take for a formula is made one that it shows: a phone chooses its Call-ID. */
function cell(value: string | number | undefined): string {
  if (typeof value !== 'string') {
    return value === undefined ? '' : String(value);
  }
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
