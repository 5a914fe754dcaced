/** That nothing outlives its run: the guardian for our own end by SIGKILL, the record for the guardian's. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/schema.ts';
import { Guardian } from '../../io/guardian.ts';
import { askToStop, signalProcess } from '../../io/process-signals.ts';
import { environmentVariable, processesWithEnvironment } from '../../io/process-table.ts';
import { openRtppClient } from '../../io/rtpp-client-driver.ts';
import { deadRuns, recordRun, removeRecord } from '../../io/run-record.ts';
import type { Log } from '../../observe/log.ts';
import { formatCommand } from '../../rtpp/request.ts';
import { GENERATION_COOKIE, RUN_COOKIE } from './children.ts';

/** The guardian's own mark: with the run's cookie a sweep would take it for a stray. */
const GUARDIAN_COOKIE = 'IMS_LAUNCH_GUARDIAN';

/** What strays of a former run get between TERM and KILL, and how often they are looked at, milliseconds. */
const STRAY_GRACE_MS = 2000;
const STRAY_POLL_MS = 25;
/** Strays that cannot be killed keep a start waiting no longer than this, milliseconds. */
const STRAY_LIMIT_MS = 4000;

/** How long a relay may take to say how many sessions it has, milliseconds. */
const RELAY_ANSWER_MS = 1000;

export interface RunGuardOptions {
  readonly config: Config;
  readonly runId: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

export class RunGuard {
  readonly #guardian: Guardian | undefined;
  readonly #removeRecord: (() => void) | undefined;

  constructor({ config, runId, env, log }: RunGuardOptions) {
    this.#removeRecord = recordRun(config.dataDir, runId);
    if (this.#removeRecord === undefined) {
      log.debug({ path: config.dataDir }, 'this run is not recorded: the data directory cannot be written');
    }
    // Without process groups (Windows) the children's IPC channel is all there is.
    if (config.supervisor.onSupervisorDeath === 'kill' && process.platform !== 'win32') {
      this.#guardian = new Guardian({
        cookie: `${RUN_COOKIE}=${runId}`,
        env: guardianEnvironment(env, runId),
        log,
      });
      this.#guardian.start();
    }
  }

  watch(group: number): void {
    this.#guardian?.watch(group);
  }

  forget(group: number): void {
    this.#guardian?.forget(group);
  }

  /** A clean end. Idempotent. */
  close(): void {
    this.#guardian?.close();
    this.#removeRecord?.();
  }
}

/**
 * Ends what runs whose supervisor is no more have left behind; their ports are free afterwards. With the policy
 * `leave` a relay of theirs that has calls is left alone: it is found and used like any other that answers.
 */
export async function reclaimStrays(config: Config, log: Log): Promise<void> {
  for (const { runId } of deadRuns(config.dataDir)) {
    const strays = (): number[] => processesWithEnvironment([`${RUN_COOKIE}=${runId}`]);
    const kept = new Set(await relayToKeep(config, strays()));
    const toEnd = (): number[] => strays().filter((pid) => !kept.has(pid));
    const count = toEnd().length;
    if (count > 0) {
      const fields = { event: 'launch.reclaim', count };
      log.warn(fields, 'processes of a former run, whose ims-launch was killed, are stopped');
      await end(toEnd);
    }
    if (kept.size === 0) {
      removeRecord(config.dataDir, runId);
    }
  }
}

async function relayToKeep({ relay, supervisor }: Config, strays: readonly number[]): Promise<readonly number[]> {
  const ofRelay = strays.filter((pid) => environmentVariable(pid, GENERATION_COOKIE)?.startsWith('relay-'));
  if (supervisor.onSupervisorDeath !== 'leave' || ofRelay.length === 0) {
    return [];
  }
  return (await relaySessions(relay)) > 0 ? ofRelay : [];
}

/** Sessions of the relay that answers; none if none does. */
async function relaySessions({ host, port }: Config['relay']): Promise<number> {
  const client = await openRtppClient({ host, port });
  try {
    const outcome = await client.request(formatCommand({ kind: 'info' }), { budgetMs: RELAY_ANSWER_MS });
    const text = outcome.kind === 'reply' && outcome.reply.kind === 'text' ? outcome.reply.text : '';
    return Number(/^active sessions: ([0-9]+)$/m.exec(text)?.[1] ?? 0);
  } finally {
    await client.close();
  }
}

async function end(processes: () => number[]): Promise<void> {
  for (const pid of processes()) {
    askToStop(pid, 'SIGTERM');
  }
  const startedAt = performance.now();
  for (;;) {
    const left = processes();
    const waitedMs = performance.now() - startedAt;
    if (left.length === 0 || waitedMs > STRAY_LIMIT_MS) {
      return;
    }
    if (waitedMs > STRAY_GRACE_MS) {
      for (const pid of left) {
        signalProcess(pid, 'SIGKILL');
      }
    }
    await sleep(STRAY_POLL_MS);
  }
}

function guardianEnvironment(env: RunGuardOptions['env'], runId: string): Record<string, string> {
  const inherited = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(inherited), [GUARDIAN_COOKIE]: runId };
}
