/** Call detail records as CSV (RFC 4180), for spreadsheets and billing. */
import type { CallDetailRecord } from './call-detail-record.ts';
import { COLUMNS } from './columns.ts';

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
