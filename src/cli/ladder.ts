/**
 * SIP messages as a ladder, a column for each party, our own between them:
 *
 *                192.0.2.7:5060              ims-server             192.0.2.9:5060
 *   12:00:01.123       │ INVITE ──────────────────►│                       │        offer 192.0.2.7:4000
 *   12:00:01.127       │◄─────────────── 100 Trying│                       │
 */
import { labelOf, mediaOf } from '../sip/message/summary.ts';
import type { TracedMessage } from '../sip/message/traced-message.ts';
import { visible } from './visible.ts';

const COLUMN = 28;
const TIME = 14;
/** More parties than fit a line: the others share the last column, and their addresses stand behind. */
const MAX_PARTIES = 4;
const OURSELVES = 'ims-server';
const MAX_LABEL = COLUMN - 5;

export function formatLadder(messages: readonly TracedMessage[]): string {
  const parties = partiesOf(messages);
  const own = Math.min(1, parties.length);
  const names = [...parties.slice(0, own), OURSELVES, ...parties.slice(own)];
  const columnOf = (remote: string): number => {
    const index = parties.indexOf(remote);
    return index === -1 ? names.length - 1 : index < own ? index : index + 1;
  };
  const head = `${' '.repeat(TIME)}${names.map((name) => centred(visible(name, COLUMN - 2))).join('')}`.trimEnd();
  const lines = messages.map((message) => {
    const column = columnOf(message.remote);
    const detail = [parties.includes(message.remote) ? '' : visible(message.remote), visible(mediaOf(message.text))];
    const picture = draw(names.length, own, column, message);
    return `${timeOf(message.at)}  ${picture} ${detail.filter((text) => text !== '').join(' ')}`.trimEnd();
  });
  return `${[head, ...lines].join('\n')}\n`;
}

/** In the order in which they appear. */
function partiesOf(messages: readonly TracedMessage[]): string[] {
  return [...new Set(messages.map(({ remote }) => remote))].slice(0, MAX_PARTIES);
}

function draw(columns: number, own: number, party: number, { direction, text }: TracedMessage): string {
  const rungs = Array.from({ length: columns }, (_, column) => at(column));
  const [left, right] = [Math.min(own, party), Math.max(own, party)].map(at) as [number, number];
  const cells = [...' '.repeat(columns * COLUMN)];
  for (const rung of rungs) {
    cells[rung] = '│';
  }
  const toRight = (direction === 'sent') === party > own;
  const room = right - left - 1;
  const label = [...visible(labelOf(text), MAX_LABEL)].join('');
  const line = '─'.repeat(Math.max(0, room - [...label].length - 3));
  const arrow = toRight ? ` ${label} ${line}►` : `◄${line} ${label} `;
  for (const [index, character] of [...arrow].slice(0, room).entries()) {
    cells[left + 1 + index] = character;
  }
  return cells
    .join('')
    .trimEnd()
    .padEnd(columns * COLUMN);
}

function at(column: number): number {
  return column * COLUMN + COLUMN / 2;
}

function centred(text: string): string {
  const before = Math.max(0, Math.floor((COLUMN - [...text].length) / 2));
  return `${' '.repeat(before)}${text}`.padEnd(COLUMN);
}

function timeOf(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}
