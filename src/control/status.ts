/** The state of the system as `status` tells it, and the exit statuses that scripts go by. */
import type { ControlService } from './protocol.ts';

export interface SystemStatus {
  readonly version: string;
  /** Of ims-launch itself. */
  readonly pid: number;
  readonly uptimeMs: number;
  /** When it was started by the clock on the wall, RFC 3339: with `uptimeMs` it tells whether that clock was set since. */
  readonly startedTime: string;
  readonly phase: string;
  readonly verdict: Verdict;
  /** Absolute path of the configuration file. */
  readonly config: string;
  /** The file was changed, but what it holds now is not valid or could not be lived with: the last good one is in force. */
  readonly configStale: boolean;
  /** What its environment and flags have set over the file, but for secrets and lists; an older launcher does not tell. */
  readonly overrides?: readonly {
    readonly key: string;
    readonly value: unknown;
    /** `environment variable SERVER_IP` */
    readonly origin: string;
  }[];
  /** Calls may go on until then; null: no drain. */
  readonly drain: { readonly endsInMs: number } | null;
  /** Why it stops; null: it does not. */
  readonly stopping: string | null;
  /** Completes "waiting for …"; null: it waits for nothing. */
  readonly waitsFor: string | null;
  readonly log: LogStatus;
  readonly services: Readonly<Record<ControlService, ServiceStatus>>;
}

export interface LogStatus {
  /** The reader of standard error is gone: nothing is printed there any more. */
  readonly consoleIsGone: boolean;
  /** Lines that did not get to the console, and to the file. */
  readonly dropped: number;
  readonly fileDropped: number;
  /** Null: there is none. */
  readonly file: string | null;
}

export interface ServiceStatus {
  readonly state: 'idle' | 'adopted' | 'starting' | 'ready' | 'unhealthy' | 'backoff' | 'stopping' | 'failed';
  readonly pid: number | null;
  readonly uptimeMs: number | null;
  /** Processes that came after the first one. */
  readonly restarts: number;
  /** Calls of the IMS, sessions of the relay, as it last told; null: it does not tell. */
  readonly active: number | null;
  /** Where it serves, for people. */
  readonly where: string;
  /** What it waits for, or how it was found; null: nothing to say. */
  readonly detail: string | null;
  /** Of a relay with the kernel plane: legs whose RTP the kernel forwards, and those on the sockets, by why. */
  readonly flows?: Readonly<Record<string, number>>;
  /** Null: it is not asked at present. */
  readonly health: HealthStatus | null;
}

/** Instants as times since then; what was not measured yet is null. */
export interface HealthStatus {
  /** Health questions in a row without an answer. */
  readonly misses: number;
  readonly answeredAgoMs: number | null;
  /** How long the last answer took. */
  readonly latencyMs: number | null;
  /** How late its event loop was at worst between its last two heartbeats; null: it does not tell. */
  readonly loopLagMs: number | null;
  /** Of a relay whose media is checked. */
  readonly media: MediaHealthStatus | null;
}

export interface MediaHealthStatus {
  /** Checks with a result, of the present relay. */
  readonly checks: number;
  readonly checkedAgoMs: number | null;
  /** Checks in a row that media did not pass. */
  readonly misses: number;
  /** One way through the relay. */
  readonly delayMs: number | null;
  /** What the last check met; null: media passed. */
  readonly finding: string | null;
}

export const VERDICTS = ['ready', 'degraded', 'starting', 'stopped', 'unknown'] as const;

/** `stopped`: nobody listens; `unknown`: somebody does, and gives no sensible answer. Both are the asker's findings. */
export type Verdict = (typeof VERDICTS)[number];

/** Exit status of `ims-launch status`, and, as far as it is 0 or not, of `health`. */
export const VERDICT_EXIT_CODES = {
  ready: 0,
  degraded: 1,
  starting: 2,
  stopped: 3,
  unknown: 4,
} as const satisfies Record<Verdict, number>;

/** A status that came over the wire, as far as it is needed to show it; undefined: it is none. */
export function readStatus(value: unknown): SystemStatus | undefined {
  const status = value as SystemStatus | null | undefined;
  const isComplete =
    typeof status === 'object' &&
    status !== null &&
    VERDICTS.includes(status.verdict) &&
    typeof status.pid === 'number' &&
    typeof status.services?.relay?.state === 'string' &&
    typeof status.services.ims?.state === 'string';
  return isComplete ? status : undefined;
}
