/** The life of one incarnation, the same for both services: spawned, ready, ended, and what follows. */
import type { ErrorCode } from '../errors.ts';
import type { SpawnFailure } from './events.ts';
import { isSuccess } from './exit-code.ts';
import { fail, giveUp, TITLES } from './failure.ts';
import { handleDrained } from './orders.ts';
import { beginTrial } from './reconfigure.ts';
import { HEALTHY, type ServiceName } from './state.ts';
import { termRest } from './teardown.ts';
import type { Turn } from './turn.ts';

/** First look at a program that reports nothing by itself, and the pause between looks, milliseconds. */
export const READINESS_POLL_MS = 100;

export function spawn(turn: Turn, name: ServiceName): void {
  const { generation: former } = turn.service(name);
  const { embedded, startTimeoutMs } = turn.state.rules[name];
  const generation = former + 1;
  // It takes the configuration as it is now: a restart that was planned for that is done.
  beginTrial(turn, name);
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
  turn.patchService(name, {
    history: { ...history, everReady: true },
    trial: undefined,
    // What it has just shown is a sign of life.
    incarnation: incarnation === undefined ? undefined : { ...incarnation, heartbeatAt: turn.now },
  });
  turn.enter(name, { kind: 'ready', readySince: turn.now, health: HEALTHY }, turn.now + healthIntervalMs(turn, name));
  turn.report('info', 'comp.ready', 'service is ready', {
    service: name,
    childPid: incarnation?.pid,
    durationMs: Math.round(turn.now - (incarnation?.spawnedAt ?? turn.now)),
  });
}

/** A relay that was found is asked twice as often: unlike a child's, its end is noticed only by asking. */
export function healthIntervalMs(turn: Turn, name: ServiceName): number {
  const { relayIntervalMs, imsIntervalMs } = turn.state.rules.health;
  if (name === 'ims') {
    return imsIntervalMs;
  }
  return turn.service('relay').condition.kind === 'adopted' ? relayIntervalMs / 2 : relayIntervalMs;
}

export function handleSpawnFailed(turn: Turn, name: ServiceName, reason: SpawnFailure, detail: string): void {
  turn.patchService(name, { incarnation: undefined });
  if (turn.state.phase === 'stopping') {
    turn.enter(name, { kind: 'idle' });
    return;
  }
  if (reason === 'out-of-resources') {
    turn.report('error', 'comp.spawn-failed', 'the service could not be started', { service: name, reason: detail });
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
  if (name === 'ims') {
    purgeRelay(turn);
  }
  if (condition.kind === 'stopping') {
    turn.report('info', 'comp.exit', 'service ended', fields);
    termRest(turn, name);
    return;
  }
  if (handleDrained(turn, name)) {
    return;
  }
  if (isSuccess(end, turn.state.rules[name].successExitCodes)) {
    turn.report('warn', 'comp.exit', 'service ended by itself, with success', fields);
  } else {
    turn.report('error', 'comp.exit', 'service ended unasked', fields);
  }
  // What the leader left in its group would hold ports against its successor.
  turn.emit({ kind: 'kill-group', service: name, generation });
  if (end.daemonised) {
    giveUp(turn, name, 78, {
      code: 'IMS_ERR_DAEMONISED',
      message: `the ${TITLES[name]} went into the background, where ims-launch cannot watch it`,
    });
    if (turn.state.phase !== 'stopping') {
      // What went into the background is not in the group, and no sweep follows; it would hold the ports.
      turn.emit({ kind: 'kill-strays', service: name, generation });
    }
    return;
  }
  fail(turn, name, { exitCode, signal, sentence: signal ? `was ended by ${signal}` : `ended with status ${exitCode}` });
}

/** Nobody will delete the sessions of an IMS that is gone; a relay that was found may have those of others. */
function purgeRelay(turn: Turn): void {
  const { rules, phase, relay } = turn.state;
  const isOurs =
    relay.incarnation !== undefined && (relay.condition.kind === 'ready' || relay.condition.kind === 'unhealthy');
  if (rules.purgeRelay && isOurs && phase !== 'stopping') {
    turn.report('info', 'relay.purge', 'the sessions of the IMS that ended are deleted', { service: 'relay' });
    turn.emit({ kind: 'purge-relay', generation: relay.generation });
  }
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

const SPAWN_FAILURES = {
  'not-found': { code: 'IMS_ERR_COMMAND_NOT_FOUND', exitCode: 127 },
  'not-executable': { code: 'IMS_ERR_COMMAND_NOT_EXECUTABLE', exitCode: 126 },
  'bad-cwd': { code: 'IMS_ERR_COMMAND_CWD', exitCode: 78 },
  'too-big': { code: 'IMS_ERR_COMMAND_NOT_EXECUTABLE', exitCode: 126 },
} as const satisfies Record<Exclude<SpawnFailure, 'out-of-resources'>, { code: ErrorCode; exitCode: number }>;
