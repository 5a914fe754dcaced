/**
 * Stopping: one service's group, and the whole system.
 *
 *     ims:   request-stop ─ leader gone or 70 % ─► TERM to the rest ─ 90 % ─► KILL ─ extinct or 100 % ─┐
 *     relay: the same, from there on; an adopted relay is left alone ◄───────────────────────────────┘
 *     sweep: whatever carries the run's cookie, until two scans find nothing ─► exit
 */
import type { StopSignal } from './events.ts';
import { exitCodeForSignal, forcedExitCode } from './exit-code.ts';
import type { AfterStop, Failure, ServiceName, Stopping } from './state.ts';
import { COALESCE_MS, planStop, type StopPlan, sweepBudgetMs, WALL_CLOCK_SLACK_MS } from './stop-plan.ts';
import type { Turn } from './turn.ts';

/** Begins to stop the service's process; without one there is nothing to do. `hurried`: how, if not in its full slice. */
export function stopService(turn: Turn, name: ServiceName, then: AfterStop, hurried?: StopPlan): void {
  const { incarnation, generation, condition } = turn.service(name);
  if (incarnation === undefined) {
    if (condition.kind !== 'failed') {
      turn.enter(name, { kind: 'idle' });
    }
    return;
  }
  if (condition.kind === 'stopping') {
    // A restart becomes a stop: the process was asked already, and must not be signalled twice.
    turn.patchService(name, { condition: { ...condition, then } });
    return;
  }
  const plan = hurried ?? planStop(turn.now, name, turn.state.rules.stopBudgetMs);
  turn.enter(name, { kind: 'stopping', plan, then });
  if (incarnation.exited) {
    turn.emit({ kind: 'kill-group', service: name, generation });
    return;
  }
  turn.report('info', 'stop.signal', 'asking the service to stop', { service: name, childPid: incarnation.pid });
  turn.emit({ kind: 'request-stop', service: name, generation });
}

/** The leader is gone or keeps us waiting: the rest of its group is told. */
export function termRest(turn: Turn, name: ServiceName): void {
  const { condition, generation } = turn.service(name);
  if (condition.kind !== 'stopping' || condition.plan.termRestAt === Number.POSITIVE_INFINITY) {
    return;
  }
  const plan = { ...condition.plan, termRestAt: Number.POSITIVE_INFINITY };
  turn.patchService(name, { condition: { ...condition, plan } });
  if (turn.state.rules[name].asksRest) {
    turn.emit({ kind: 'term-rest', service: name, generation });
  }
}

/** Takes the steps of a stop that are due. Returns true when its slice is over although the group lives. */
export function continueStop(turn: Turn, name: ServiceName): boolean {
  const { condition, generation, incarnation } = turn.service(name);
  if (condition.kind !== 'stopping' || incarnation === undefined) {
    return false;
  }
  const { plan } = condition;
  if (turn.now >= plan.endAt) {
    return true;
  }
  if (turn.now >= plan.killAt) {
    const done = { ...plan, termRestAt: Number.POSITIVE_INFINITY, killAt: Number.POSITIVE_INFINITY };
    turn.patchService(name, { condition: { ...condition, plan: done } });
    turn.report('error', 'stop.kill', 'the service did not stop in time and is killed', {
      service: name,
      childPid: incarnation.pid,
    });
    turn.emit({ kind: 'kill-group', service: name, generation });
    noteKilled(turn);
  } else if (turn.now >= plan.termRestAt) {
    termRest(turn, name);
  }
  return false;
}

export interface StopOrder {
  readonly reason: string;
  readonly exitCode: number;
  readonly failure?: Failure;
}

/** Begins the teardown, or does nothing when it is under way. */
export function beginStop(turn: Turn, { reason, exitCode, failure }: StopOrder): void {
  const { phase, rules } = turn.state;
  if (phase === 'stopping' || phase === 'done') {
    return;
  }
  const budgetMs = rules.stopBudgetMs;
  const sentence = reason === 'SIGINT' ? 'stopping; Ctrl-C again kills everything' : 'stopping';
  const level = phase === 'boot' || phase === 'config' ? 'debug' : 'info';
  turn.report(level, 'stop.begin', sentence, { reason, durationMs: budgetMs });
  turn.patch({
    phase: 'stopping',
    drain: undefined,
    relayDueAt: Number.POSITIVE_INFINITY,
    stop: {
      reason,
      level,
      exitCode,
      failure,
      stage: 'ims',
      startedAt: turn.now,
      signalledAt: turn.now,
      stageEndsAt: Number.POSITIVE_INFINITY,
      wallClockAt: turn.now + budgetMs + WALL_CLOCK_SLACK_MS,
      killed: false,
      cleanSweeps: 0,
      sweeping: false,
    },
  });
  turn.patchService('relay', { askAt: Number.POSITIVE_INFINITY });
  stopService(turn, 'ims', { kind: 'rest' });
  continueTeardown(turn);
}

/** Goes on to the next stage when the present one is over. */
export function continueTeardown(turn: Turn): void {
  const { stop, phase } = turn.state;
  if (stop === undefined || phase !== 'stopping') {
    return;
  }
  if (turn.now >= stop.wallClockAt) {
    turn.report('error', 'stop.kill', 'the time to stop is over: everything is killed');
    turn.emit({ kind: 'kill-everything' });
    noteKilled(turn);
    finish(turn, stop);
    return;
  }
  if (stop.stage === 'sweep') {
    if (turn.now >= stop.stageEndsAt) {
      finish(turn, stop);
    }
    return;
  }
  if (!isOver(turn, stop.stage)) {
    return;
  }
  if (stop.stage === 'ims') {
    patchStop(turn, { stage: 'relay' });
    stopRelay(turn);
    continueTeardown(turn);
    return;
  }
  const stageEndsAt = turn.now + sweepBudgetMs(turn.state.rules.stopBudgetMs);
  patchStop(turn, { stage: 'sweep', stageEndsAt, sweeping: true });
  turn.emit({ kind: 'sweep' });
}

/** Two scans in a row without a find end the sweep: a process that was forking during the first is in the second. */
export function handleSwept(turn: Turn, found: number): void {
  const { stop } = turn.state;
  if (turn.state.phase !== 'stopping' || stop?.stage !== 'sweep' || !stop.sweeping) {
    return;
  }
  if (found > 0) {
    turn.report('warn', 'stop.sweep', 'processes of this run were left over and are killed', { count: found });
    noteKilled(turn);
  }
  const cleanSweeps = found === 0 ? stop.cleanSweeps + 1 : 0;
  patchStop(turn, { cleanSweeps });
  if (cleanSweeps >= 2 || turn.now >= stop.stageEndsAt) {
    finish(turn, stop);
  } else {
    turn.emit({ kind: 'sweep' });
  }
}

/** The first signal stops, a repeated one forces, and its echo within 300 ms is the same one. */
export function handleStopSignal(turn: Turn, signal: StopSignal, reason: string): void {
  const { phase, stop } = turn.state;
  if (phase === 'done') {
    return;
  }
  if (stop === undefined) {
    beginStop(turn, { reason, exitCode: exitCodeForSignal(signal) });
    return;
  }
  if (turn.now - stop.signalledAt < COALESCE_MS) {
    return;
  }
  turn.report('warn', 'stop.kill', 'stop was asked for again: everything is killed', { signal });
  turn.emit({ kind: 'kill-everything' });
  finish(turn, { ...stop, exitCode: forcedExitCode(signal) });
}

function stopRelay(turn: Turn): void {
  const { condition } = turn.service('relay');
  if (condition.kind === 'adopted') {
    turn.report('info', 'relay.left', 'the relay was found running and is left running', { service: 'relay' });
    turn.enter('relay', { kind: 'idle' });
  } else {
    stopService(turn, 'relay', { kind: 'rest' });
  }
}

function isOver(turn: Turn, name: 'ims' | 'relay'): boolean {
  const { incarnation, condition } = turn.service(name);
  if (incarnation === undefined) {
    return true;
  }
  if (condition.kind === 'stopping' && turn.now >= condition.plan.endAt) {
    turn.report('error', 'stop.stuck', 'the service cannot be killed', { service: name, childPid: incarnation.pid });
    noteKilled(turn);
    return true;
  }
  return false;
}

function patchStop(turn: Turn, change: Partial<Stopping>): void {
  const { stop } = turn.state;
  if (stop !== undefined) {
    turn.patch({ stop: { ...stop, ...change } });
  }
}

function noteKilled(turn: Turn): void {
  patchStop(turn, { killed: true });
}

/** The one end of all. `strictStop` makes a failure of a success that took a KILL. */
export function finish(turn: Turn, stop: Stopping): void {
  const isTooHarsh = turn.state.rules.strictStop && turn.state.stop?.killed === true && stop.exitCode === 0;
  const failure = isTooHarsh ? FORCED : stop.failure;
  const exitCode = isTooHarsh ? FORCED_EXIT_CODE : stop.exitCode;
  const durationMs = Math.round(turn.now - stop.startedAt);
  turn.report(stop.level, 'stop.done', 'stopped', { exitCode, durationMs });
  turn.patch({ phase: 'done', stop: { ...stop, exitCode, failure } });
  turn.emit({ kind: 'exit', exitCode, failure });
}

/** EX_OSERR. */
const FORCED_EXIT_CODE = 71;
const FORCED: Failure = {
  code: 'IMS_ERR_STOP_FORCED',
  message: 'everything has stopped, but not everybody when asked: something had to be killed',
};
