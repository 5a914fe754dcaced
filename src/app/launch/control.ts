/** The control socket of a running launcher: opened as the lock of its configuration, answered from its state. */
import type { CaptureRequest, ControlRequest, ControlService } from '../../control/protocol.ts';
import type { SystemStatus, Verdict } from '../../control/status.ts';
import { ImsError } from '../../errors.ts';
import { requireUnheld } from '../../io/control-endpoint.ts';
import { ControlServer, type Exchange } from '../../io/control-server.ts';
import {
  controlName,
  fitsSocketAddress,
  prepareRuntimeDirectory,
  runtimeDirectories,
  socketPath,
} from '../../io/runtime-directory.ts';
import type { ChildQuestion } from '../../observe/ipc.ts';
import type { Log } from '../../observe/log.ts';
import type { SupervisorEvent } from '../../supervisor/events.ts';
import { type DrainAnswer, judgeDrain, judgeRestart, type RestartAnswer } from '../../supervisor/orders.ts';
import type { SupervisorState } from '../../supervisor/state.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { collectCalls } from './calls.ts';
import { fetchCapture } from './capture.ts';
import { ControlLock } from './control-lock.ts';
import type { Journal } from './journal.ts';
import type { ReloadOutcome } from './reload.ts';

/** What is asked and told of the launcher. */
export interface ControlSubject {
  state(): SupervisorState;
  readonly journal: Journal;
  drainMaxMs(): number;
  status(): SystemStatus;
  post(event: SupervisorEvent): void;
  /** Undefined: there is no configuration yet. */
  reload(): Promise<ReloadOutcome | undefined>;
  /** @throws Error that completes "the IMS …" */
  ask(service: ControlService, question: ChildQuestion): Promise<unknown>;
}

export interface ControlPlace {
  readonly configPath: string;
  readonly controlPort: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const ASKED = 'asked over the control socket';

/**
 * Takes the lock and listens. Undefined: there is nowhere to put a socket, which costs the operator's commands and the
 * lock, and nothing else.
 *
 * @throws ImsError IMS_ERR_LOCKED
 */
export async function openControl(
  { configPath, controlPort, env }: ControlPlace,
  subject: ControlSubject,
  log: Log,
): Promise<ControlLock | undefined> {
  const name = controlName(configPath, controlPort);
  const candidates = runtimeDirectories(env).filter((directory) =>
    // The passing name of a new socket is a process id longer.
    fitsSocketAddress(socketPath(directory, `${name}.${process.pid}`)),
  );
  const directory = prepareRuntimeDirectory(candidates);
  // A launcher with another environment may have chosen another of them.
  for (const other of candidates.filter((candidate) => candidate !== directory)) {
    await requireUnheld(socketPath(other, name));
  }
  if (directory === undefined) {
    return withoutControl(log, `none of ${candidates.join(', ')} can be used`);
  }
  try {
    const path = socketPath(directory, name);
    const server = await ControlServer.open(path, (exchange) => handle(subject, exchange), log);
    return new ControlLock(server, () => prepareRuntimeDirectory([directory]), log);
  } catch (error) {
    if (error instanceof ImsError) {
      throw error;
    }
    // A directory of that name, a full disk: calls do not need it.
    return withoutControl(log, error instanceof Error ? error.message : String(error));
  }
}

function withoutControl(log: Log, reason: string): undefined {
  log.warn({ event: 'control.absent', reason }, 'there is no control socket: no status, stop or restart by command');
}

function handle(subject: ControlSubject, exchange: Exchange): void {
  const { request } = exchange;
  switch (request.verb) {
    case 'status':
      exchange.answer(subject.status());
      break;
    case 'health':
      exchange.answer({ verdict: subject.status().verdict });
      break;
    case 'stop':
    case 'kill':
      exchange.answer({ outcome: 'stopping', pid: process.pid });
      subject.post({ kind: request.verb === 'stop' ? 'stop-asked' : 'kill-asked', reason: ASKED });
      break;
    case 'restart':
      restart(subject, exchange, request.service);
      break;
    case 'reload':
      void reload(subject, exchange);
      break;
    case 'drain':
      drain(subject, exchange, request.limitMs ?? subject.drainMaxMs());
      break;
    case 'wait':
      waitUntilReady(subject, exchange, request.timeoutMs);
      break;
    case 'bans':
      void askIms(subject, exchange, { what: 'bans' });
      break;
    case 'trace':
      void askIms(subject, exchange, { what: 'trace', call: request.call });
      break;
    case 'capture':
      void tellCapture(subject, exchange, request);
      break;
    case 'calls':
      void tellCalls(subject, exchange);
      break;
    case 'unban':
      void askIms(subject, exchange, { what: 'unban', address: request.address });
      break;
    case 'events':
      tell(exchange, subject.journal.events, request.follow, () => true);
      break;
    case 'logs':
      tell(exchange, subject.journal.lines, request.follow, wanted(request));
      break;
    default:
      assertNever(request);
  }
}

function restart(subject: ControlSubject, exchange: Exchange, service: ControlService): void {
  const outcome = judgeRestart(performance.now(), subject.state(), service);
  if (outcome === 'restarting' || outcome === 'under-way') {
    subject.post({ kind: 'restart-asked', service });
    exchange.answer({ outcome });
  } else {
    exchange.refuse('refused', RESTART_REFUSALS[outcome]);
  }
}

/** Why a service is not restarted, for people. */
export const RESTART_REFUSALS = {
  'not-ours': 'the relay was found running: who started it restarts it',
  'not-allowed': 'no relay may be started: RTPPROXY_AUTO_START=0, or relay.autoStart false, is in force',
  draining: 'the system is being drained and will stop',
  stopping: 'everything stops',
} as const satisfies Record<Exclude<RestartAnswer, 'restarting' | 'under-way'>, string>;

function drain(subject: ControlSubject, exchange: Exchange, limitMs: number): void {
  const outcome = judgeDrain(subject.state());
  if (outcome === 'impossible' || outcome === 'stopping') {
    exchange.refuse('refused', DRAIN_REFUSALS[outcome]);
    return;
  }
  exchange.answer({ outcome, pid: process.pid });
  subject.post({ kind: 'drain-asked', limitMs });
}

const DRAIN_REFUSALS = {
  impossible: 'neither the IMS nor the relay was started from here as one that can refuse new calls',
  stopping: 'everything stops already',
} as const satisfies Record<Extract<DrainAnswer, 'impossible' | 'stopping'>, string>;

async function askIms(subject: ControlSubject, exchange: Exchange, question: ChildQuestion): Promise<void> {
  try {
    exchange.answer(await subject.ask('ims', question));
  } catch (error) {
    exchange.refuse('refused', `the IMS ${(error as Error).message}`);
  }
}

async function tellCalls(subject: ControlSubject, exchange: Exchange): Promise<void> {
  try {
    exchange.answer(await collectCalls((service, question) => subject.ask(service, question)));
  } catch (error) {
    exchange.refuse('refused', `the relay ${(error as Error).message}`);
  }
}

async function tellCapture(subject: ControlSubject, exchange: Exchange, request: CaptureRequest): Promise<void> {
  const pids = () => {
    const { relay, ims } = subject.status().services;
    return { relay: relay.pid, ims: ims.pid };
  };
  exchange.answer(await fetchCapture(request, (service, question) => subject.ask(service, question), pids));
}

async function reload(subject: ControlSubject, exchange: Exchange): Promise<void> {
  const result = await subject.reload();
  if (result === undefined) {
    exchange.refuse('refused', 'the configuration has not been read yet');
  } else if (result.outcome === 'rejected') {
    exchange.refuse('failed', result.reason);
  } else if (result.outcome === 'ignored') {
    exchange.refuse('refused', 'everything stops');
  } else {
    exchange.answer(result);
  }
}

/** Answers when the system is ready, or cannot become so any more. Every change of state is told as an event. */
function waitUntilReady({ journal, status }: ControlSubject, exchange: Exchange, timeoutMs: number): void {
  const look = (): void => {
    const { verdict, stopping, drain: draining, services } = status();
    const parked = (['relay', 'ims'] as const).find((name) => services[name].state === 'failed');
    if (verdict === 'ready') {
      exchange.answer({ verdict });
    } else if (stopping !== null || draining !== null) {
      exchange.refuse('failed', `it will not become ready: ${stopping ?? 'it is being drained'}`);
    } else if (parked !== undefined) {
      exchange.refuse('failed', `it will not become ready: ${services[parked].detail ?? parked}`);
    }
  };
  // At the end of the turn that the event belongs to.
  const unfollow = journal.events.follow(() => setImmediate(look));
  const timer = setTimeout(() => exchange.refuse('timeout', describeWait(status())), timeoutMs);
  exchange.onEnd(() => {
    unfollow();
    clearTimeout(timer);
  });
  look();
}

function describeWait({ verdict, services }: SystemStatus): string {
  const parts = (['relay', 'ims'] as const).map((name) => {
    const { state, detail } = services[name];
    return `${name} ${state}${detail === null ? '' : ` (${detail})`}`;
  });
  return `not ready in time, but ${verdict satisfies Verdict}: ${parts.join(', ')}`;
}

interface Source<T> {
  recent(): readonly T[];
  follow(follower: (item: T) => void): () => void;
}

function tell<T>(exchange: Exchange, source: Source<T>, follow: boolean, isWanted: (item: T) => boolean): void {
  for (const item of source.recent().filter(isWanted)) {
    exchange.item(item);
  }
  if (follow) {
    exchange.onEnd(source.follow((item) => isWanted(item) && exchange.item(item)));
  } else {
    exchange.answer({});
  }
}

function wanted({ service }: Extract<ControlRequest, { verb: 'logs' }>): (line: { service: string }) => boolean {
  return (line) => service === undefined || line.service === service;
}
