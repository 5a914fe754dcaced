/** What `status`, `events` and `logs` print for people. */
import pc from 'picocolors';
import type { ServiceStatus, SystemStatus, Verdict } from '../control/status.ts';
import { formatTable } from './table.ts';

const HEAD = ['service', 'state', 'pid', 'up', 'restarts', 'active', 'where', 'detail'];

export function formatStatus(status: SystemStatus, isTty: boolean): string {
  const { version, pid, uptimeMs, config, phase, drain, stopping, verdict } = status;
  const lines = [
    `ims-launch ${version}  ${colourOf(verdict, isTty)(verdict)} (${phase})`,
    `process ${pid}, up ${formatDuration(uptimeMs)}, ${config}`,
  ];
  if (drain !== null) {
    lines.push(`draining: stops after the last call, in ${formatDuration(drain.endsInMs)} at the latest`);
  }
  if (stopping !== null) {
    lines.push(`stopping: ${stopping}`);
  }
  const rows = (['relay', 'ims'] as const).map((name) => serviceRow(name, status.services[name]));
  lines.push('', formatTable(HEAD, rows, ['left', 'left', 'right', 'right', 'right', 'right', 'left', 'left'], isTty));
  return `${lines.join('\n')}\n`;
}

/** `2 d 3 h`, `4 min 5 s`, `6 s`: the two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return first === -1
    ? '0 s'
    : parts
        .slice(first, first + 2)
        .filter(([count]) => count > 0)
        .map(([count, unit]) => `${count} ${unit}`)
        .join(' ');
}

/** One event on a line: its own keys first, then the fields. */
export function formatEvent(item: unknown): string {
  const { seq: _, time, level, event, sentence, ...fields } = item as Record<string, unknown>;
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
  return [time, String(level).padEnd(5), event, '–', sentence, ...rest].join(' ');
}

export function formatLogLine(item: unknown): string {
  const { time, service, line } = item as Record<string, unknown>;
  return `${time} ${String(service).padEnd(5)} | ${line}`;
}

function serviceRow(name: string, status: ServiceStatus): (string | number)[] {
  const { state, pid, uptimeMs, restarts, active, where, detail } = status;
  const up = uptimeMs === null ? '–' : formatDuration(uptimeMs);
  return [name, state, pid ?? '–', up, restarts, active ?? '–', where, detail ?? ''];
}

function colourOf(verdict: Verdict, isTty: boolean): (text: string) => string {
  const colours = pc.createColors(isTty && pc.isColorSupported);
  return verdict === 'ready' ? colours.green : verdict === 'starting' ? colours.yellow : colours.red;
}
