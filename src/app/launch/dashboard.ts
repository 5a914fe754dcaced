/** What the dashboard shows and may order, from the parts of a run. HTTP itself is in `dashboard/`. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { SystemStatus } from '../../control/status.ts';
import { type DashboardOptions, parseListen } from '../../dashboard/options.ts';
import type { DashboardServer } from '../../dashboard/server.ts';
import type { DashboardSubject } from '../../dashboard/subject.ts';
import { ImsError } from '../../errors.ts';
import type { BanReport, ChildQuestion } from '../../observe/ipc.ts';
import type { Log } from '../../observe/log.ts';
import { labelOf, mediaOf } from '../../sip/message/summary.ts';
import type { TracedMessage } from '../../sip/message/traced-message.ts';
import { searchCdrs } from '../../store/cdr-search.ts';
import { CSV_HEADER, csvRow } from '../../store/csv.ts';
import type { SupervisorEvent } from '../../supervisor/events.ts';
import { judgeRestart } from '../../supervisor/orders.ts';
import type { ServiceName, SupervisorState } from '../../supervisor/state.ts';
import type { Asking } from './asking.ts';
import { collectCalls } from './calls.ts';
import { RESTART_REFUSALS } from './control.ts';
import type { Journal } from './journal.ts';

export interface DashboardParts {
  readonly journal: Journal;
  state(): SupervisorState;
  status(): SystemStatus;
  post(event: SupervisorEvent): void;
  ask(service: ServiceName, question: ChildQuestion): Promise<unknown>;
  asking(): Pick<Asking, 'relayCounters'>;
  /** Where the built-in IMS keeps its records. */
  dataDir(): string;
}

/** Milliseconds. */
const CHECK_LIMIT_MS = 60_000;

const LOOPBACK = /^(?:127\.|::1$|localhost$)/;

/**
 * Undefined: none is asked for.
 * @throws ImsError IMS_ERR_CONFIG_INVALID when strangers could reach it without a token, IMS_ERR_PORT_IN_USE, IMS_ERR_BIND
 */
export async function openDashboard(
  { listen, token, hosts }: DashboardOptions,
  parts: DashboardParts,
  log: Log,
): Promise<DashboardServer | undefined> {
  if (listen === undefined) {
    return undefined;
  }
  const address = parseListen(listen);
  if (token === undefined && !LOOPBACK.test(address.host)) {
    throw new ImsError('IMS_ERR_CONFIG_INVALID', `dashboard.listen ${listen} is open to others: set dashboard.token`);
  }
  // Loaded only here: most systems run without, and start sooner.
  const { DashboardServer } = await import('../../dashboard/server.ts');
  return await DashboardServer.open({ ...address, token, hosts }, subjectOf(parts), log);
}

function subjectOf({ journal, state, status, post, ask, asking, dataDir }: DashboardParts): DashboardSubject {
  return {
    status,
    events: journal.events,
    lines: journal.lines,
    relayCounters: (names) => asking().relayCounters(names),
    calls: () => collectCalls(ask),
    ladder: async (call) => {
      const messages = ((await ask('ims', { what: 'trace', call })) ?? []) as readonly TracedMessage[];
      return messages.map(({ at, direction, transport, remote, text }) => {
        return { at, direction, transport, remote, label: labelOf(text), media: mediaOf(text), text };
      });
    },
    check: () => check(status().config),
    registrations: () => ask('ims', { what: 'registrations' }),
    records: (query) => searchCdrs(dataDir(), query),
    recordsCsv: async (query) => {
      const { records } = await searchCdrs(dataDir(), query);
      return CSV_HEADER + records.map(csvRow).join('');
    },
    bans: async () => (await ask('ims', { what: 'bans' })) as BanReport[],
    unban: (address) => ask('ims', { what: 'unban', address }),
    restart: (service) => {
      const outcome = judgeRestart(performance.now(), state(), service);
      if (outcome !== 'restarting' && outcome !== 'under-way') {
        return RESTART_REFUSALS[outcome];
      }
      post({ kind: 'restart-asked', service });
      return undefined;
    },
  };
}

/** It looks at ports, rules and processes for seconds: not in this process. One at a time; who comes meanwhile gets the same answer. */
let checking: Promise<unknown> | undefined;

function check(config: string): Promise<unknown> {
  checking ??= runCheck(config).finally(() => {
    checking = undefined;
  });
  return checking;
}

/** @throws Error that completes "the check …" */
async function runCheck(config: string): Promise<unknown> {
  const program = fileURLToPath(new URL('../../bin/ims-launch.js', import.meta.url));
  const { stdout, failed, timedOut } = await execa(process.execPath, [program, 'check', '--json', '--config', config], {
    reject: false,
    timeout: CHECK_LIMIT_MS,
    maxBuffer: 1 << 20,
    stdin: 'ignore',
  });
  try {
    return JSON.parse(stdout) as unknown;
  } catch {
    throw new Error(timedOut ? 'took too long' : failed ? 'failed; "ims-launch check" says why' : 'told nothing');
  }
}
