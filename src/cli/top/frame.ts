/** What `ims-launch top` shows, as lines: pure, so that every size and every trouble can be tested. */
import type { CallRow, CallsAnswer } from '../../app/launch/calls.ts';
import type { ServiceStatus, SystemStatus } from '../../control/status.ts';
import { type DirectionReport, isAlarm, type Party } from '../../relay/quality/report.ts';
import { titleOf } from '../calls-report.ts';
import { formatDuration } from '../status-report.ts';
import { visible } from '../visible.ts';

/** `strong` and `faint` are no judgement. */
export type Tone = 'plain' | 'strong' | 'faint' | 'good' | 'doubtful' | 'bad';

export interface Line {
  readonly text: string;
  readonly tone: Tone;
}

export interface TopEvent {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly sentence: string;
  readonly [field: string]: unknown;
}

export interface TopView {
  /** Undefined: the launcher has not answered yet. */
  readonly status: SystemStatus | undefined;
  /** A text instead says why there are none. */
  readonly calls: CallsAnswer | string;
  /** RTP packets a second over all calls told; undefined: not known yet. */
  readonly packetsPerSecond: number | undefined;
  /** The oldest first. */
  readonly events: readonly TopEvent[];
  /** Calls above the first one shown. */
  readonly scrolled: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Below it people hear that something is wrong (G.107 annex B: "many users dissatisfied"). */
const POOR_MOS = 3.6;

/** As many events as this share of the screen, and at most so many. */
const EVENTS_SHARE = 0.3;
const MAX_EVENTS = 12;

const KEYS = 'q quits, arrows move';

/** Exactly as many lines as there are rows, none longer than the columns. */
export function topFrame(view: TopView, { columns, rows }: Size): Line[] {
  const head = headOf(view, columns);
  const eventRows = Math.min(MAX_EVENTS, Math.floor(rows * EVENTS_SHARE), view.events.length);
  const events = view.events.slice(view.events.length - eventRows).map(eventLine);
  const foot: Line[] = [...(events.length > 0 ? [line('events', 'strong'), ...events] : []), line(KEYS, 'faint')];
  const room = Math.max(0, rows - head.length - foot.length);
  const body = callLines(view, room, columns);
  const blank = Array.from({ length: Math.max(0, room - body.length) }, () => line(''));
  return [...head, ...body, ...blank, ...foot]
    .slice(0, rows)
    .map(({ text, tone }) => ({ text: cut(text, columns), tone }));
}

/** The furthest that it makes sense to scroll. */
export function lastScroll({ calls }: TopView): number {
  return typeof calls === 'string' ? 0 : Math.max(0, calls.calls.length - 1);
}

function headOf({ status, calls, packetsPerSecond }: TopView, columns: number): Line[] {
  if (status === undefined) {
    return [line('ims-launch does not answer', 'bad'), line('')];
  }
  const { version, verdict, uptimeMs, waitsFor } = status;
  const dead = typeof calls === 'string' ? 0 : calls.calls.filter(isDead).length;
  const parts = [
    `ims-launch ${version}  ${verdict}`,
    `up ${formatDuration(uptimeMs)}`,
    ...(typeof calls === 'string' ? [] : [`calls ${calls.total}${dead === 0 ? '' : `, ${dead} not heard`}`]),
    ...(packetsPerSecond === undefined ? [] : [`${Math.round(packetsPerSecond)} packets/s`]),
    ...(typeof calls === 'string' || calls.plane === null ? [] : [`plane ${calls.plane}`]),
  ];
  const tone = verdict !== 'ready' ? (verdict === 'starting' ? 'doubtful' : 'bad') : dead > 0 ? 'doubtful' : 'good';
  return [
    line(fitting(parts, columns), tone),
    ...(waitsFor === null || waitsFor === undefined ? [] : [line(`waiting for ${visible(waitsFor)}`, 'doubtful')]),
    serviceLine('relay', status.services.relay, columns),
    serviceLine('ims', status.services.ims, columns),
    line(''),
  ];
}

/** As many parts as have room; half a word says nothing. */
function fitting(parts: readonly string[], columns: number): string {
  const [first = '', ...others] = parts;
  let text = first;
  for (const part of others) {
    if (text.length + 3 + part.length > columns) {
      break;
    }
    text += `   ${part}`;
  }
  return text;
}

/** Where it serves counts more than its process id. */
const ROOM_FOR_PID = 96;

function serviceLine(
  name: string,
  { state, pid, uptimeMs, restarts, active, where, detail }: ServiceStatus,
  columns: number,
): Line {
  const parts = [
    name.padEnd(6),
    state.padEnd(9),
    ...(columns < ROOM_FOR_PID ? [] : [(pid === null ? 'no process' : `pid ${pid}`).padEnd(12)]),
    (uptimeMs === null ? '–' : `up ${formatDuration(uptimeMs)}`).padEnd(14),
    `restarts ${restarts}`.padEnd(12),
    `active ${active ?? '–'}`.padEnd(10),
    visible(where),
    visible(detail ?? ''),
  ];
  const isUp = state === 'ready' || state === 'adopted';
  return line(
    parts.join(' ').trimEnd(),
    isUp ? 'plain' : state === 'failed' || state === 'unhealthy' ? 'bad' : 'doubtful',
  );
}

function callLines({ calls, scrolled }: TopView, room: number, columns: number): Line[] {
  if (typeof calls === 'string') {
    return room === 0 ? [] : [line(visible(calls), 'doubtful')];
  }
  if (calls.calls.length === 0) {
    return room === 0 ? [] : [line('no calls', 'faint')];
  }
  const width = callWidth(columns);
  const head = line(
    cells(width, ['call', 'up', 'from', 'codec', 'packets', 'loss', 'jitter', 'MOS', 'media']),
    'strong',
  );
  const lines = calls.calls.slice(scrolled, scrolled + Math.ceil(room / 2)).flatMap((call) => linesOf(call, columns));
  return [head, ...lines].slice(0, room);
}

/** What each party sends; what is wrong with it in full, on a line of its own. */
function linesOf(call: CallRow, columns: number): Line[] {
  const width = callWidth(columns);
  const up = call.upMs === null ? 'set up' : formatDuration(call.upMs);
  return [
    directionLine(width, [titleOf(call), up], 'caller', call.caller),
    ...troubleOf(call.caller, columns),
    directionLine(width, ['', ''], 'callee', call.callee),
    ...troubleOf(call.callee, columns),
  ];
}

function troubleOf({ verdict, words }: DirectionReport, columns: number): Line[] {
  const tone = isAlarm(verdict) ? 'bad' : 'doubtful';
  return isAlarm(verdict) || verdict === 'late'
    ? wrapped(visible(words), columns - TROUBLE.length).map((text, index) =>
        line(`${index === 0 ? TROUBLE : ' '.repeat(TROUBLE.length)}${text}`, tone),
      )
    : [];
}

const TROUBLE = '  ! ';

/** Between words where there are any. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && [...last].length + 1 + [...word].length > width) {
      lines.push(word);
    } else {
      lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
    }
  }
  return lines;
}

function directionLine(
  width: number,
  titles: readonly [call: string, up: string],
  party: Party,
  direction: DirectionReport,
): Line {
  const { codec, packets, lossPercent, jitterMs, mosNow, mos } = direction;
  const score = mosNow ?? mos;
  const text = cells(width, [
    ...titles,
    party,
    codec ?? '–',
    `${packets}`,
    packets === 0 ? '–' : `${lossPercent}%`,
    jitterMs === null || packets === 0 ? '–' : `${jitterMs}ms`,
    score === null ? '–' : score.toFixed(1),
    direction.verdict,
  ]);
  const isDoubtful = direction.verdict === 'late' || (score !== null && score < POOR_MOS);
  return line(text, isAlarm(direction.verdict) ? 'bad' : isDoubtful ? 'doubtful' : 'plain');
}

/** Of all columns but the first and the last. With it, and with the longest verdict, they take REST characters. */
const WIDTHS = [11, 6, 7, 7, 5, 6, 3] as const;
const REST = 66;
const NARROWEST_CALL = 12;
const WIDEST_CALL = 30;

function callWidth(columns: number): number {
  return Math.min(WIDEST_CALL, Math.max(NARROWEST_CALL, columns - REST));
}

/** The last one may be as long as it likes. */
function cells(width: number, texts: readonly string[]): string {
  return texts.map((text, column) => fixed(text, column === 0 ? width : WIDTHS[column - 1])).join(' ');
}

function fixed(text: string, width: number | undefined): string {
  return width === undefined ? text : visible(text, width) + ' '.repeat(Math.max(0, width - [...text].length));
}

function eventLine({ time, level, event, sentence, reason, service, callId }: TopEvent): Line {
  // That media has changed is in the name of the event: how, is what a line has room for.
  const isMedia = event.startsWith('media.') && typeof reason === 'string';
  const about = [service, callId, isMedia ? undefined : reason].filter((value) => typeof value === 'string').join(' ');
  const text = `${time.slice(11, 19)} ${event} – ${isMedia ? reason : sentence}${about === '' ? '' : `: ${about}`}`;
  return line(visible(text), level === 'error' ? 'bad' : level === 'warn' ? 'doubtful' : 'faint');
}

function isDead({ caller, callee }: CallRow): boolean {
  return isAlarm(caller.verdict) || isAlarm(callee.verdict);
}

function line(text: string, tone: Tone = 'plain'): Line {
  return { text, tone };
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : characters.slice(0, columns).join('');
}
