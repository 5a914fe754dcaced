/** What `status`, `events` and `logs` print for people. */
import pc from 'picocolors';
import type { HealthStatus, ServiceStatus, SystemStatus, Verdict } from '../control/status.ts';
import type { BanReport, CertificateLook } from '../observe/ipc.ts';
import { readableLine } from '../observe/readable-line.ts';
import { FLOW_STATES } from '../relay/media/flow-states.ts';
import { formatTable } from './table.ts';
import { visible } from './visible.ts';

const HEAD = ['service', 'state', 'pid', 'up', 'restarts', 'active', 'where', 'detail'];

export function formatStatus(status: SystemStatus, isTty: boolean): string {
  const { version, pid, uptimeMs, config, configStale, phase, drain, stopping, waitsFor, verdict } = status;
  const lines = [
    `ims-launch ${version}  ${colourOf(verdict, isTty)(verdict)} (${phase})`,
    `process ${pid}, up ${formatDuration(uptimeMs)}, ${config}`,
  ];
  if (configStale) {
    lines.push('the file was changed, but not to anything that works: the configuration before is in force');
  }
  if (drain !== null) {
    lines.push(`draining: stops after the last call, in ${formatDuration(drain.endsInMs)} at the latest`);
  }
  if (stopping !== null) {
    lines.push(`stopping: ${stopping}`);
  }
  if (waitsFor !== null && waitsFor !== undefined) {
    lines.push(`waiting for ${waitsFor}`);
  }
  const rows = (['relay', 'ims'] as const).map((name) => serviceRow(name, status.services[name]));
  lines.push('', formatTable(HEAD, rows, ['left', 'left', 'right', 'right', 'right', 'right', 'left', 'left'], isTty));
  const health = (['relay', 'ims'] as const).flatMap((name) => healthLine(name, status.services[name].health));
  health.push(...flowsLine(status.services.relay.flows));
  return `${[...lines, ...(health.length > 0 ? ['', ...health] : [])].join('\n')}\n`;
}

/** `relay: of 4 legs the kernel forwards 3; 1 unseen (packets do not come by …)` */
function flowsLine(flows: ServiceStatus['flows']): string[] {
  const { kernel = 0, ...others } = flows ?? {};
  const rest = Object.entries(others);
  const all = rest.reduce((sum, [, count]) => sum + count, kernel);
  const words: Readonly<Record<string, string>> = FLOW_STATES;
  const reasons = rest.map(
    ([state, count]) => `; ${count} ${state} (${words[state] ?? 'a reason that this version does not know'})`,
  );
  return all === 0 ? [] : [`relay: of ${all} legs the kernel forwards ${kernel}${reasons.join('')}`];
}

/** `relay: answered 0.3 ms after the last question, 1 s ago; media passed in 0.2 ms, 4 s ago` */
function healthLine(name: string, health: HealthStatus | null | undefined): string[] {
  if (health === null || health === undefined) {
    return [];
  }
  const { misses, answeredAgoMs, latencyMs, loopLagMs, media } = health;
  const parts = [
    ...(misses > 0 ? [`${misses} questions in a row without an answer`] : []),
    ...(answeredAgoMs === null ? [] : [`answered in ${latencyMs} ms, ${formatDuration(answeredAgoMs)} ago`]),
    ...(loopLagMs === null ? [] : [`its event loop was late by ${loopLagMs} ms`]),
    ...mediaParts(media),
  ];
  return parts.length === 0 ? [] : [`${name}: ${parts.join('; ')}`];
}

function mediaParts(media: HealthStatus['media']): string[] {
  if (media === null || media.checkedAgoMs === null) {
    return [];
  }
  const ago = `${formatDuration(media.checkedAgoMs)} ago`;
  return media.finding === null
    ? [`media passed in ${media.delayMs} ms, ${ago}`]
    : [`media did not pass (${media.misses} checks in a row), ${ago}: ${media.finding}`];
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

/** Of what `reload` answers, what is shown; each is a list of keys or services. */
export type ReloadAnswer = Partial<Record<keyof typeof RELOAD_LINES, readonly string[]>> & {
  readonly certificate?: CertificateLook;
};

/** What became of each changed key, a line each. */
export function formatReload(answer: ReloadAnswer): string {
  const lines = Object.entries(RELOAD_LINES).flatMap(([name, text]) => {
    const items = answer[name as keyof typeof RELOAD_LINES] ?? [];
    return items.length === 0 ? [] : [`${text}: ${items.join(', ')}`];
  });
  const { certificate } = answer;
  if (certificate?.kind === 'taken') {
    lines.push('TLS certificate: another one, for new connections');
  } else if (certificate?.kind === 'refused') {
    lines.push(`TLS certificate: the one before stays, for ${certificate.reason}`);
  }
  return lines.length === 0 ? 'nothing changed: what the file holds is in force' : lines.join('\n');
}

const RELOAD_LINES = {
  live: 'applied',
  restarting: 'restarting',
  whenIdle: 'restarting after the last call',
  pending: 'needs a restart of ims-launch',
  refused: 'refused, for the relay was found running',
} as const;

/** One event on a line: its own keys first, then the fields. */
export function formatEvent(item: unknown): string {
  const { seq: _, time, level, event, sentence, ...fields } = item as Record<string, unknown>;
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    // A Call-ID among them is a stranger's text.
    .map(([name, value]) => `${name}=${visible(typeof value === 'object' ? JSON.stringify(value) : String(value))}`);
  return [time, String(level).padEnd(5), event, '–', sentence, ...rest].join(' ');
}

export function formatLogLine(item: unknown): string {
  const { time, service, line } = item as Record<string, unknown>;
  return `${time} ${String(service).padEnd(5)} | ${readableLine(String(line))}`;
}

export function formatBans(bans: readonly BanReport[]): string {
  if (bans.length === 0) {
    return 'nobody is banned';
  }
  const rows = bans.map(({ source, failures, leftSeconds }) => [source, failures, formatDuration(leftSeconds * 1000)]);
  return formatTable(['source', 'wrong passwords', 'answered again in'], rows, ['left', 'right', 'right'], false);
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
