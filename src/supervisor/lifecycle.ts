/** The life of one incarnation, the same for both services: spawned, ready, ended, and what follows. */
import type { ErrorCode } from '../errors.ts';
import type { SpawnFailure } from './events.ts';
import { exitCodeForIms, NOT_RETRYABLE } from './exit-code.ts';
import { handleDrained } from './orders.ts';
import { judgeFailure } from './restart-policy.ts';
import { type Ending, type Failure, HEALTHY, type ServiceName } from './state.ts';
import { beginStop, termRest } from './teardown.ts';
import type { Turn } from './turn.ts';

/** First look at a program that reports nothing by itself, and the pause between looks, milliseconds. */
export const READINESS_POLL_MS = 100;

export function spawn(turn: Turn, name: ServiceName): void {
  const { generation: former } = turn.service(name);
  const { embedded, startTimeoutMs } = turn.state.rules[name];
  const generation = former + 1;
  turn.patchService(name, {
    generation,
    asking: false,
    incarnation: { pid: undefined, spawnedAt: turn.now, exited: false, heartbeatAt: turn.now },
  });
  turn.enter(
    name,
    {
      kind: 'starting',
      step: embedded ? 'report' : 'answer',
      deadlineAt: turn.now + startTimeoutMs,
      finding: embedded ? 'it has not reported that it is ready' : 'it does not answer',
    },
    embedded ? Number.POSITIVE_INFINITY : turn.now + READINESS_POLL_MS,
  );
  turn.emit({ kind: 'spawn', service: name, generation });
}

export function handleSpawned(turn: Turn, name: ServiceName, pid: number): void {
  const { incarnation } = turn.service(name);
  if (incarnation !== undefined) {
    turn.patchService(name, { incarnation: { ...incarnation, pid } });
    turn.report('info', `${name}.spawn`, 'service started', { service: name, childPid: pid });
  }
}

/** Everything that was to be shown has been. */
export function becomeReady(turn: Turn, name: ServiceName): void {
  const { history, incarnation } = turn.service(name);
  turn.patchService(name, { history: { ...history, everReady: true } });
  turn.enter(name, { kind: 'ready', readySince: turn.now, health: HEALTHY }, turn.now + healthIntervalMs(turn, name));
  turn.report('info', 'comp.ready', 'service is ready', {
    service: name,
    childPid: incarnation?.pid,
    durationMs: Math.round(turn.now - (incarnation?.spawnedAt ?? turn.now)),
  });
}

/**
 * An IMS is asked less often: its answer costs it more, and nothing is done about its silence. A relay that was found
 * is asked twice as often: unlike a child's, its end is noticed only by asking.
 */
export function healthIntervalMs(turn: Turn, name: ServiceName): number {
  const { healthIntervalMs: interval } = turn.state.rules;
  if (name === 'ims') {
    return interval * 5;
  }
  return turn.service('relay').condition.kind === 'adopted' ? interval / 2 : interval;
}

export function handleSpawnFailed(turn: Turn, name: ServiceName, reason: SpawnFailure, detail: string): void {
  const { condition } = turn.service(name);
  turn.patchService(name, { incarnation: undefined });
  if (condition.kind === 'stopping') {
    turn.enter(name, { kind: 'idle' });
    return;
  }
  if (reason === 'out-of-resources') {
    fail(turn, name, { exitCode: undefined, signal: undefined, sentence: `could not be started: ${detail}` });
    return;
  }
  const { code, exitCode } = SPAWN_FAILURES[reason];
  giveUp(turn, name, exitCode, { code, message: `cannot start the ${TITLES[name]}: ${detail}` });
}

export function handleExited(
  turn: Turn,
  name: ServiceName,
  end: { readonly exitCode: number | undefined; readonly signal: string | undefined; readonly daemonised: boolean },
): void {
  const { incarnation, condition, generation } = turn.service(name);
  if (incarnation === undefined || incarnation.exited) {
    return;
  }
  turn.patchService(name, { incarnation: { ...incarnation, exited: true }, askAt: Number.POSITIVE_INFINITY });
  const { exitCode, signal } = end;
  const fields = {
    service: name,
    childPid: incarnation.pid,
    exitCode,
    signal,
    durationMs: Math.round(turn.now - incarnation.spawnedAt),
  };
  if (condition.kind === 'stopping') {
    turn.report('info', 'comp.exit', 'service ended', fields);
    termRest(turn, name);
    return;
  }
  if (handleDrained(turn, name)) {
    return;
  }
  turn.report('error', 'comp.exit', 'service ended unasked', fields);
  // What the leader left in its group would hold ports against its successor.
  turn.emit({ kind: 'kill-group', service: name, generation });
  if (end.daemonised) {
    giveUp(turn, name, 78, {
      code: 'IMS_ERR_DAEMONISED',
      message: `the ${TITLES[name]} went into the background, where ims-launch cannot watch it`,
    });
    return;
  }
  fail(turn, name, { exitCode, signal, sentence: signal ? `was ended by ${signal}` : `ended with status ${exitCode}` });
}

/** No process of the incarnation is left: a stop is complete, or a restart may go on. */
export function handleExtinct(turn: Turn, name: ServiceName): void {
  const { condition } = turn.service(name);
  turn.patchService(name, { incarnation: undefined });
  if (condition.kind !== 'stopping') {
    return;
  }
  const { then } = condition;
  switch (then.kind) {
    case 'rest':
      turn.enter(name, { kind: 'idle' });
      break;
    case 'start':
      turn.enter(name, { kind: 'backoff', retryAt: turn.now });
      break;
    case 'failure':
      fail(turn, name, then.ending);
      break;
  }
}

/** An end that nobody asked for: another try after a while, or the end of all. */
export function fail(turn: Turn, name: ServiceName, ending: Ending): void {
  const { condition, history: before } = turn.service(name);
  if (turn.state.phase === 'stopping' || turn.state.phase === 'done') {
    return;
  }
  if (ending.exitCode !== undefined && NOT_RETRYABLE.has(ending.exitCode)) {
    giveUp(turn, name, ending.exitCode, {
      code: ERROR_CODES[name],
      message: `the ${TITLES[name]} ${ending.sentence}, which means that it cannot work with its configuration`,
    });
    return;
  }
  const readySince = 'readySince' in condition ? condition.readySince : undefined;
  const readyForMs = readySince === undefined ? undefined : turn.now - readySince;
  const { history, verdict } = judgeFailure(turn.now, before, readyForMs, turn.random());
  turn.patchService(name, { history });
  if (verdict.kind === 'give-up') {
    giveUp(turn, name, name === 'relay' ? 69 : exitCodeForIms(ending), {
      code: ERROR_CODES[name],
      message:
        verdict.budget === 'boot'
          ? `the ${TITLES[name]} did not become ready in ${history.failures} tries; the last one ${ending.sentence}`
          : `the ${TITLES[name]} keeps failing and is not started again; the last time it ${ending.sentence}`,
    });
    return;
  }
  const { delayMs, attempt } = verdict;
  turn.enter(name, { kind: 'backoff', retryAt: turn.now + delayMs });
  turn.report('warn', 'comp.backoff', 'restarting the service', { service: name, attempt, delayMs });
}

export function giveUp(turn: Turn, name: ServiceName, exitCode: number, failure: Failure): void {
  turn.report('error', 'comp.gaveup', failure.message, { service: name });
  turn.enter(name, { kind: 'failed' });
  beginStop(turn, { reason: `${name}-failed`, exitCode, failure });
}

export const TITLES = { relay: 'relay', ims: 'IMS' } as const satisfies Record<ServiceName, string>;

const ERROR_CODES = { relay: 'IMS_ERR_RELAY_UNAVAILABLE', ims: 'IMS_ERR_IMS_FAILED' } as const satisfies Record<
  ServiceName,
  ErrorCode
>;

const SPAWN_FAILURES = {
  'not-found': { code: 'IMS_ERR_COMMAND_NOT_FOUND', exitCode: 127 },
  'not-executable': { code: 'IMS_ERR_COMMAND_NOT_EXECUTABLE', exitCode: 126 },
  'bad-cwd': { code: 'IMS_ERR_COMMAND_CWD', exitCode: 78 },
  'too-big': { code: 'IMS_ERR_COMMAND_NOT_EXECUTABLE', exitCode: 126 },
} as const satisfies Record<Exclude<SpawnFailure, 'out-of-resources'>, { code: ErrorCode; exitCode: number }>;
