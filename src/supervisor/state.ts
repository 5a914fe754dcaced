/** What the supervisor knows. The reducer returns a new value for every event; nobody else writes it. */
import type { ErrorCode } from '../errors.ts';
import { NO_HISTORY, RESTART_DEFAULTS, type RestartHistory, type RestartRules } from './restart-policy.ts';
import type { StopPlan } from './stop-plan.ts';

export type ServiceName = 'relay' | 'ims';

/**
 *     boot → config → probe → up-relay → up-ims → running ⇄ degraded → stopping → done
 *
 * Every phase before `stopping` can go to `stopping`; nothing leaves `done`.
 */
export type Phase = 'boot' | 'config' | 'probe' | 'up-relay' | 'up-ims' | 'running' | 'degraded' | 'stopping' | 'done';

/** What the configuration settles for this run. */
export interface SupervisorRules {
  readonly relay: ServiceRules & {
    /** False (`RTPPROXY_AUTO_START=0`): never spawned, only looked for. */
    readonly autoStart: boolean;
    /** The IMS waits for a relay even when none is started from here. */
    readonly required: boolean;
  };
  readonly ims: ServiceRules;
  readonly health: HealthRules;
  readonly stopBudgetMs: number;
  readonly restarts: RestartRules;
  /** What follows when a service is not started again: the end of all, its own rest, or another try all the same. */
  readonly giveUp: 'exit' | 'park' | 'never';
  /** Who is restarted with a service that failed: nobody, what was started after it, everybody. */
  readonly strategy: 'one_for_one' | 'rest_for_one' | 'one_for_all';
  /** A stop that had to kill is no success. */
  readonly strictStop: boolean;
  /** Sessions of an IMS that ended are deleted from a relay of ours. */
  readonly purgeRelay: boolean;
  /** A command wants to know when another relay serves. */
  readonly hasRelayHook: boolean;
}

/** All durations in milliseconds. */
export interface HealthRules {
  /** From one `V` to the relay to the next. */
  readonly relayIntervalMs: number;
  /** From one OPTIONS to the IMS to the next. */
  readonly imsIntervalMs: number;
  /** From one session of real RTP through the relay to the next; Infinity: there is none. */
  readonly mediaIntervalMs: number;
  /** Media of a relay that somebody else started is checked as well. */
  readonly mediaOfFound: boolean;
  /** A relay that passes no media is left this long to the sessions that it holds. */
  readonly maxDegradedMs: number;
  /** One of our own programs that sends no heartbeat for this long hangs. */
  readonly silenceMs: number;
  /** An IMS that does not answer is restarted in the end; false: it is only reported. */
  readonly restartsIms: boolean;
}

export interface ServiceRules {
  /** Our own program: it reports `ready` and heartbeats over IPC. A foreign command is only asked from outside. */
  readonly embedded: boolean;
  /** Infinity: it may take as long as it likes. */
  readonly startTimeoutMs: number;
  /** Whether it is started again after an end that nobody asked for. */
  readonly restart: 'always' | 'on-failure' | 'never';
  /** Exit statuses, beside 0, that are no failure. */
  readonly successExitCodes: readonly number[];
  /** False (`killMode: leader`): its leader alone is asked to stop; what is left of its group only gets KILL. */
  readonly asksRest: boolean;
}

/** Answers to health questions: one OPTIONS or `V` after the other, and for a relay the checks of its media. */
export interface Health {
  /** In a row. */
  readonly misses: number;
  readonly firstMissAt: number;
  /** When the connection was last refused; -Infinity: it never was since the last answer. */
  readonly refusedAt: number;
  /** When the last answer came, -Infinity: none did; and how long it took. */
  readonly answeredAt: number;
  readonly latencyMs: number | undefined;
  /** Of a relay. */
  readonly media: MediaHealth;
}

/** What real RTP through the relay shows. */
export interface MediaHealth {
  /** A check is under way; there is never a second one. */
  readonly asking: boolean;
  /** When it was begun, or when the next one is due; Infinity: there is none. */
  readonly askAt: number;
  /** Checks that had a result. */
  readonly checks: number;
  /** When the last of them ended; -Infinity: there was none. */
  readonly checkedAt: number;
  /** In a row. */
  readonly misses: number;
  /** When they became too many; Infinity: they are not. */
  readonly failingSince: number;
  /** What the last check met, for people; empty: media passed. */
  readonly finding: string;
  /** One way through the relay, as the last check that passed measured it. */
  readonly delayMs: number | undefined;
  /** Packets that the relay had sent in its life at the end of the last check; undefined: it does not tell. */
  readonly relayedPackets: number | undefined;
}

export const MEDIA_UNTRIED: MediaHealth = {
  asking: false,
  askAt: Number.POSITIVE_INFINITY,
  checks: 0,
  checkedAt: Number.NEGATIVE_INFINITY,
  misses: 0,
  failingSince: Number.POSITIVE_INFINITY,
  finding: '',
  delayMs: undefined,
  relayedPackets: undefined,
};

export const HEALTHY: Health = {
  misses: 0,
  firstMissAt: Number.POSITIVE_INFINITY,
  refusedAt: Number.NEGATIVE_INFINITY,
  answeredAt: Number.NEGATIVE_INFINITY,
  latencyMs: undefined,
  media: MEDIA_UNTRIED,
};

/** What a starting process has to show next: its own report, then an answer, then (relay) forwarded media. */
export type ReadinessStep = 'report' | 'answer' | 'media';

export type Condition =
  /** Not wanted, waiting for its turn, or (relay) somebody else's to start. */
  | { readonly kind: 'idle' }
  /** A relay that somebody else started answers; it is never signalled. `proofsLeft`: tries of the media proof. */
  | { readonly kind: 'adopted'; readonly since: number; readonly proofsLeft: number; readonly health: Health }
  | { readonly kind: 'starting'; readonly step: ReadinessStep; readonly deadlineAt: number; readonly finding: string }
  | { readonly kind: 'ready'; readonly readySince: number; readonly health: Health }
  | { readonly kind: 'unhealthy'; readonly readySince: number; readonly health: Health }
  | { readonly kind: 'backoff'; readonly retryAt: number }
  | { readonly kind: 'stopping'; readonly plan: StopPlan; readonly then: AfterStop }
  /** Given up, and the rest goes on without it. `finding`: why, for people. */
  | { readonly kind: 'failed'; readonly finding: string };

/** Where a stop leads: rest; or a new start, which counts as a failure when a start had timed out. */
export type AfterStop =
  | { readonly kind: 'rest' }
  | { readonly kind: 'start' }
  | { readonly kind: 'failure'; readonly ending: Ending };

/** How an incarnation ended, for the restart decision and for people. */
export interface Ending {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Completes the sentence "the relay …". */
  readonly sentence: string;
}

/** A process that was spawned and whose group has not been seen extinct. At most one a service. */
export interface Incarnation {
  readonly pid: number | undefined;
  readonly spawnedAt: number;
  readonly exited: boolean;
  readonly heartbeatAt: number;
}

export interface Component {
  readonly condition: Condition;
  /** Grows with each spawn, adoption and search; an answer that carries an older one is stale. */
  readonly generation: number;
  readonly incarnation: Incarnation | undefined;
  /** A question of this generation is open; there is never a second one. */
  readonly asking: boolean;
  /** When the open question was asked, or when the next one is due. */
  readonly askAt: number;
  readonly history: RestartHistory;
  /** A restart that a changed configuration needs. */
  readonly planned: PlannedRestart | undefined;
  /** When the last of these began; they keep a distance. */
  readonly plannedAt: number;
  /** Not ready yet with the changed configuration; its failures count here, for they may be the configuration's. */
  readonly trial: RestartHistory | undefined;
}

export interface PlannedRestart {
  readonly dueAt: number;
  /** Sooner than `dueAt`, if no call is in progress. */
  readonly whenIdle: boolean;
  /** If it fails for good, the configuration before comes back. */
  readonly revocable: boolean;
}

/** Why the run ends in failure; printed with the remedy of its code. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Stopping {
  readonly reason: string;
  /** Of what is reported about it: a stop before anything ran is no news. */
  readonly level: 'debug' | 'info';
  readonly exitCode: number;
  readonly failure: Failure | undefined;
  readonly stage: 'ims' | 'relay' | 'sweep';
  readonly startedAt: number;
  /** When the last stop signal came that was not a mere echo. */
  readonly signalledAt: number;
  readonly stageEndsAt: number;
  readonly wallClockAt: number;
  /** Somebody did not stop when asked, and had to be killed. */
  readonly killed: boolean;
  readonly cleanSweeps: number;
  /** A scan is under way; its result starts the next one. */
  readonly sweeping: boolean;
}

/** No new calls; the end comes with the last one, or at `endsAt`. */
export interface Draining {
  /** Who was told, and ends by itself. */
  readonly service: ServiceName;
  readonly startedAt: number;
  readonly endsAt: number;
}

export interface SupervisorState {
  readonly phase: Phase;
  /** Monotonic milliseconds of the last event. */
  readonly clock: number;
  readonly rules: SupervisorRules;
  readonly relay: Component;
  readonly ims: Component;
  readonly drain: Draining | undefined;
  readonly stop: Stopping | undefined;
  /** The block for the operator was printed. */
  readonly announced: boolean;
  /** The absence of a relay that we may not start was mentioned. */
  readonly absenceTold: boolean;
  /** Since when the holder of the control port keeps silent; Infinity: it does not. */
  readonly silentSince: number;
  /** Until when a required relay may take to appear. */
  readonly relayDueAt: number;
  /** The relay's control port is bound by this process, for all relays that it starts: nobody else can have it. */
  readonly controlHeld: boolean;
  /** Counts the relays that this run has had; the IMS is told when it grows. */
  readonly relayEpoch: number;
}

/** Until the configuration is read: patient defaults, used only when a signal comes first. */
const NO_RULES: SupervisorRules = {
  relay: {
    embedded: true,
    startTimeoutMs: 10_000,
    restart: 'always',
    successExitCodes: [],
    asksRest: true,
    autoStart: true,
    required: false,
  },
  ims: { embedded: true, startTimeoutMs: 60_000, restart: 'always', successExitCodes: [], asksRest: true },
  health: {
    relayIntervalMs: 2000,
    imsIntervalMs: 10_000,
    mediaIntervalMs: 15_000,
    mediaOfFound: false,
    maxDegradedMs: 60_000,
    silenceMs: 15_000,
    restartsIms: false,
  },
  stopBudgetMs: 8500,
  restarts: RESTART_DEFAULTS,
  giveUp: 'exit',
  strategy: 'one_for_one',
  strictStop: false,
  purgeRelay: false,
  hasRelayHook: false,
};

const NEW_COMPONENT: Component = {
  condition: { kind: 'idle' },
  generation: 0,
  incarnation: undefined,
  asking: false,
  askAt: Number.POSITIVE_INFINITY,
  history: NO_HISTORY,
  planned: undefined,
  plannedAt: Number.NEGATIVE_INFINITY,
  trial: undefined,
};

export const INITIAL_STATE: SupervisorState = {
  phase: 'boot',
  clock: 0,
  rules: NO_RULES,
  relay: NEW_COMPONENT,
  ims: NEW_COMPONENT,
  drain: undefined,
  stop: undefined,
  announced: false,
  absenceTold: false,
  silentSince: Number.POSITIVE_INFINITY,
  relayDueAt: Number.POSITIVE_INFINITY,
  controlHeld: false,
  relayEpoch: 0,
};

/** Whether calls can have audio as far as this service is concerned. */
export function isServing(component: Component): boolean {
  const { condition } = component;
  return condition.kind === 'ready' || (condition.kind === 'adopted' && isWell(condition.health));
}

/** It answers, and media passes as far as that is checked. */
export function isWell({ misses, media }: Health): boolean {
  return misses < MISSES_TOLD && media.misses < MISSES_TOLD;
}

/** Health questions in a row without a good answer that make a service unhealthy. */
export const MISSES_TOLD = 3;
