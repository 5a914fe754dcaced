/** The launcher that runs, asked for its state, its events and the last lines of its relay and IMS. */
import type { Override } from '../../config/overrides.ts';
import { readStatus, type SystemStatus } from '../../control/status.ts';
import { type LauncherFacts, RECENT_MS, type ServiceFacts } from '../../doctor/facts/launcher.ts';
import type { ControlClient } from '../../io/control-client.ts';
import type { JournalEvent, JournalLine } from '../launch/journal.ts';

/** A launcher that lives answers at once; milliseconds. */
const ANSWER_LIMIT_MS = 3000;
/** Characters of a line that are quoted. */
const MAX_LINE_LENGTH = 160;

export interface AskedLauncher {
  /** Undefined: it does not answer. */
  readonly facts: LauncherFacts | undefined;
  readonly stale: boolean;
  /** Undefined: it does not tell what its environment and flags have set. */
  readonly overrides?: readonly Override[] | undefined;
}

export async function askLauncher(client: ControlClient): Promise<AskedLauncher> {
  const answer = await client.ask({ verb: 'status' }, { timeoutMs: ANSWER_LIMIT_MS });
  // Now: looking for all the rest takes seconds.
  const toldTime = Date.now();
  const status = typeof answer === 'object' && answer.ok ? readStatus(answer.result) : undefined;
  if (status === undefined) {
    return { facts: undefined, stale: false };
  }
  const events = await items<JournalEvent>(client, 'events');
  const lines = await items<JournalLine>(client, 'logs');
  const started = Date.parse(status.startedTime ?? '');
  const facts: LauncherFacts = {
    kind: 'running',
    pid: status.pid,
    verdict: status.verdict,
    uptimeMs: status.uptimeMs,
    toldTime,
    startedTime: Number.isNaN(started) ? undefined : started,
    relay: serviceFacts('relay', status, events, lines),
    ims: serviceFacts('ims', status, events, lines),
  };
  return { facts, stale: status.configStale, overrides: status.overrides };
}

async function items<T>(client: ControlClient, verb: 'events' | 'logs'): Promise<T[]> {
  const found: T[] = [];
  const request = verb === 'events' ? { verb, follow: false } : { verb, follow: false, service: undefined };
  await client.ask(request, { timeoutMs: ANSWER_LIMIT_MS, onItem: (item) => found.push(item as T) });
  return found;
}

function serviceFacts(
  name: 'relay' | 'ims',
  status: SystemStatus,
  events: readonly JournalEvent[],
  lines: readonly JournalLine[],
): ServiceFacts {
  const { state, pid, detail } = status.services[name];
  const since = Date.now() - RECENT_MS;
  const ends = events.filter(
    ({ event, service, level, time }) =>
      event === 'comp.exit' && service === name && level !== 'info' && Date.parse(time) >= since,
  );
  const lastLine = lines.findLast(({ service }) => service === name)?.line;
  return {
    state,
    pid,
    detail,
    recentEnds: ends.length,
    lastEnd: describeEnd(ends.at(-1)),
    lastLine: lastLine?.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_LINE_LENGTH),
  };
}

function describeEnd(event: JournalEvent | undefined): string | undefined {
  if (event === undefined) {
    return undefined;
  }
  const { exitCode, signal } = event;
  return typeof signal === 'string' ? signal : typeof exitCode === 'number' ? `exit status ${exitCode}` : undefined;
}
