/**
 * What follows an end that nobody asked for.
 *
 *     restart: never, on-failure after success ─────────────────────┐
 *     status 64 or 78, no such command, daemonised ─────────────────┤
 *     budget spent (boot attempts, restarts within the window) ─────┴─► giveUp: exit │ park │ never
 *     on trial with a changed configuration ─► the one before comes back
 *     else ─► backoff, and with strategy rest_for_one or one_for_all the other service restarts as well
 */
import type { ErrorCode } from '../errors.ts';
import { exitCodeForIms, isSuccess, NOT_RETRYABLE } from './exit-code.ts';
import { revoke } from './reconfigure.ts';
import { judgeFailure, longestDelayMs } from './restart-policy.ts';
import type { Condition, Ending, Failure, ServiceName } from './state.ts';
import { beginStop, stopService } from './teardown.ts';
import type { Turn } from './turn.ts';

/** An end that nobody asked for: another try after a while, or none. */
export function fail(turn: Turn, name: ServiceName, ending: Ending): void {
  const { condition, history: former, trial } = turn.service(name);
  const { phase, rules } = turn.state;
  if (phase === 'stopping' || phase === 'done') {
    return;
  }
  if (!isToRestart(turn, name, ending)) {
    rest(turn, name, ending);
    return;
  }
  const exitCode = name === 'relay' ? 69 : exitCodeForIms(ending);
  if (ending.exitCode !== undefined && NOT_RETRYABLE.has(ending.exitCode)) {
    const why = 'which means that it cannot work with its configuration';
    giveUp(turn, name, ending.exitCode, failureOf(name, `${ending.sentence}, ${why}`));
    return;
  }
  const readyForMs = continuouslyReadyMs(turn.now, condition);
  const { history, verdict } = judgeFailure(turn.now, trial ?? former, readyForMs, turn.random(), rules.restarts);
  turn.patchService(name, trial === undefined ? { history } : { trial: history });
  if (verdict.kind === 'give-up') {
    const story =
      verdict.budget === 'boot'
        ? `did not become ready in ${history.failures} tries; the last one ${ending.sentence}`
        : `keeps failing and is not started again; the last time it ${ending.sentence}`;
    giveUp(turn, name, exitCode, failureOf(name, story));
    return;
  }
  const { delayMs, attempt } = verdict;
  turn.enter(name, { kind: 'backoff', retryAt: turn.now + delayMs });
  turn.report('warn', 'comp.backoff', 'restarting the service', {
    service: name,
    attempt,
    limit: limitOf(turn, name),
    delayMs,
  });
  restartOther(turn, name);
}

/** How long it had served without a break when it ended; undefined: it never did. */
function continuouslyReadyMs(now: number, condition: Condition): number | undefined {
  if (!('readySince' in condition)) {
    return undefined;
  }
  return Math.max(0, Math.min(now, condition.health.firstMissAt) - condition.readySince);
}

/** Another try would end like the last one, or too many have been made. */
export function giveUp(turn: Turn, name: ServiceName, exitCode: number, failure: Failure): void {
  const { rules, phase } = turn.state;
  if (revoke(turn, name, failure)) {
    return;
  }
  if (rules.giveUp === 'never' && phase !== 'stopping') {
    const delayMs = longestDelayMs(rules.restarts, turn.random());
    turn.enter(name, { kind: 'backoff', retryAt: turn.now + delayMs });
    turn.report('error', 'comp.backoff', failure.message, { service: name, delayMs });
    restartOther(turn, name);
    return;
  }
  turn.report('error', 'comp.gaveup', failure.message, { service: name });
  turn.enter(name, { kind: 'failed', finding: failure.message });
  if (rules.giveUp === 'exit') {
    beginStop(turn, { reason: `${name}-failed`, exitCode, failure });
  } else {
    releaseControl(turn, name);
  }
}

/**
 * The strategy: who is restarted because this one is lost. It is a planned restart, which costs no budget; calls that
 * a drain waits for are not cut off by it.
 */
export function restartOther(turn: Turn, lost: ServiceName): void {
  const { drain, rules } = turn.state;
  const { strategy } = rules;
  const other = lost === 'relay' ? 'ims' : 'relay';
  if (drain !== undefined || strategy === 'one_for_one' || (strategy === 'rest_for_one' && lost === 'ims')) {
    return;
  }
  const { incarnation, condition } = turn.service(other);
  if (incarnation !== undefined && !incarnation.exited && condition.kind !== 'stopping') {
    turn.report('warn', 'comp.cascade', 'the service restarts with the other one', {
      service: other,
      reason: strategy,
    });
    stopService(turn, other, { kind: 'start' });
  }
}

/** How many tries there are: starts before it was ever ready, restarts within the window afterwards. */
function limitOf(turn: Turn, name: ServiceName): number {
  const { bootAttempts, budget } = turn.state.rules.restarts;
  return turn.service(name).history.everReady ? budget.restarts : bootAttempts;
}

function isToRestart(turn: Turn, name: ServiceName, ending: Ending): boolean {
  const { restart, successExitCodes } = turn.state.rules[name];
  switch (restart) {
    case 'always':
      return true;
    case 'on-failure':
      return !isSuccess(ending, successExitCodes);
    case 'never':
      return false;
  }
}

/** The configuration does not want it back. Whoever never gives up goes on with the other service. */
function rest(turn: Turn, name: ServiceName, ending: Ending): void {
  const { giveUp: policy, [name]: service } = turn.state.rules;
  const success = isSuccess(ending, service.successExitCodes);
  const failure = failureOf(name, `${ending.sentence}, and restart: "${service.restart}" leaves it at that`);
  if (!success && revoke(turn, name, failure)) {
    return;
  }
  turn.report(success ? 'warn' : 'error', 'comp.gaveup', failure.message, { service: name });
  turn.enter(name, { kind: 'failed', finding: failure.message });
  if (policy !== 'exit') {
    releaseControl(turn, name);
    return;
  }
  if (success) {
    beginStop(turn, { reason: `${name}-ended`, exitCode: 0 });
  } else {
    beginStop(turn, { reason: `${name}-failed`, exitCode: name === 'relay' ? 69 : exitCodeForIms(ending), failure });
  }
}

/** No relay will read what waits on the port: commands are refused again, and another relay can have it. */
function releaseControl(turn: Turn, lost: ServiceName): void {
  if (lost === 'relay' && turn.state.controlHeld) {
    turn.patch({ controlHeld: false });
    turn.emit({ kind: 'release-control' });
  }
}

function failureOf(name: ServiceName, story: string): Failure {
  return { code: ERROR_CODES[name], message: `the ${TITLES[name]} ${story}` };
}

export const TITLES = { relay: 'relay', ims: 'IMS' } as const satisfies Record<ServiceName, string>;

const ERROR_CODES = { relay: 'IMS_ERR_RELAY_UNAVAILABLE', ims: 'IMS_ERR_IMS_FAILED' } as const satisfies Record<
  ServiceName,
  ErrorCode
>;
