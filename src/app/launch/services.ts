/**
 * Relay and IMS as processes: started, told, listened to, killed. What happens to them and what they say becomes facts
 * for the supervisor; what nobody decides about (details for people, the last words before an end) is kept here.
 */

import { ChildDriver } from '../../io/process-driver.ts';
import { withColoursClosed, withoutColours } from '../../io/process-lines.ts';
import { signalProcess } from '../../io/process-signals.ts';
import { processSnapshot } from '../../io/process-snapshot.ts';
import { processesWithEnvironment } from '../../io/process-table.ts';
import type { ChildMessage, ChildQuestion, ImsDetails, RelayDetails, SupervisorMessage } from '../../observe/ipc.ts';
import type { LogFields } from '../../observe/log.ts';
import type { Logger } from '../../observe/logger.ts';
import type { FlowCounts } from '../../relay/media/flow-states.ts';
import { levelOf, type MediaEvent } from '../../relay/quality/report.ts';
import type { SupervisorEvent } from '../../supervisor/events.ts';
import type { ServiceName } from '../../supervisor/state.ts';
import { ChildQuestions } from './child-questions.ts';
import { childCommand, GENERATION_COOKIE, RUN_COOKIE } from './children.ts';
import { ControlClaim } from './control-claim.ts';
import type { RunGuard } from './guard.ts';
import { Helpers } from './helpers.ts';
import type { Journal } from './journal.ts';
import { logChildLine, withoutSecretArguments, withoutSecrets } from './output.ts';
import type { LaunchSetup } from './setup.ts';

export interface ServicesOptions {
  readonly runId: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly journal: Journal;
  /** What a program that starts now is told. */
  setup(): LaunchSetup;
  /** Who ends the groups if this process cannot. */
  guard(): RunGuard | undefined;
  post(event: SupervisorEvent): void;
}

/** Of a process that hangs: enough to see what it was at. */
const LINES_INSPECTED = 10;

/** The IMS is to hear of another relay soon, or not at all; milliseconds. */
const HOOK_LIMIT_MS = 5000;

export class Services {
  readonly #options: ServicesOptions;
  readonly #colours = process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined;
  readonly #logs: Readonly<Record<ServiceName, Logger>>;
  /** The latest incarnation of each service; an earlier one is extinct before its successor starts. */
  readonly #children = new Map<ServiceName, ChildDriver>();
  /** What a child said about its own failure; more to the point than its exit status. */
  readonly #lastWords = new Map<ServiceName, string>();
  /** Calls or sessions, from the last heartbeat. */
  readonly #active = new Map<ServiceName, number>();
  /** How late their event loops were, milliseconds, from the last heartbeat. */
  readonly #loopLags = new Map<ServiceName, number>();
  /** Ways of the relay's legs, from its last heartbeat. */
  #relayFlows: FlowCounts | undefined;
  /** Processes started so far. */
  readonly #spawns = new Map<ServiceName, number>();
  readonly #controlClaim = new ControlClaim();
  readonly #generations = new Map<ServiceName, number>();
  readonly #helpers: Helpers;
  readonly #questions = new ChildQuestions();
  #relayDetails: RelayDetails | undefined;
  #imsDetails: ImsDetails | undefined;

  constructor(options: ServicesOptions) {
    this.#options = options;
    this.#helpers = new Helpers({
      log: options.log,
      guard: options.guard,
      line: (service, stream, text) => {
        const generation = this.#generations.get(service) ?? 0;
        this.#takeLine({ service, generation }, stream, this.#shown(text), false);
      },
    });
    this.#logs = { relay: options.log.forPart('relay'), ims: options.log.forPart('ims') };
  }

  get active(): ReadonlyMap<ServiceName, number> {
    return this.#active;
  }

  get loopLags(): ReadonlyMap<ServiceName, number> {
    return this.#loopLags;
  }

  get relayFlows(): FlowCounts | undefined {
    return this.#relayFlows;
  }

  get spawns(): ReadonlyMap<ServiceName, number> {
    return this.#spawns;
  }

  get relayDetails(): RelayDetails | undefined {
    return this.#relayDetails;
  }

  get imsDetails(): ImsDetails | undefined {
    return this.#imsDetails;
  }

  pidOf(service: ServiceName): number | undefined {
    return this.#children.get(service)?.pid;
  }

  /** What can be seen of the process from outside; what it printed last may tell the rest. */
  inspect(service: ServiceName): LogFields {
    const childPid = this.pidOf(service);
    const seen = childPid === undefined ? undefined : processSnapshot(childPid);
    const lines = this.#options.journal.lastLinesOf(service, LINES_INSPECTED);
    return { service, childPid, ...seen, lines };
  }

  /** What the present or latest incarnation printed last. */
  lastLinesOf(service: ServiceName, count: number): string[] {
    return this.#options.journal.lastLinesOf(service, count, this.#generations.get(service));
  }

  lastWordsOf(service: ServiceName): string | undefined {
    return this.#lastWords.get(service);
  }

  /** Variables that every process of an incarnation carries in its environment. */
  cookiesOf(service: ServiceName, generation: number): string[] {
    return [this.#runCookie(), `${GENERATION_COOKIE}=${service}-${generation}`];
  }

  /** Holds the relay's control port from now on, for every relay that is started here, until `releaseControl`. */
  claimControl(generation: number): void {
    const { outcome, detail } = this.#controlClaim.take(this.#options.setup().control);
    this.#options.post({ kind: 'control-claimed', generation, outcome, detail });
  }

  releaseControl(): void {
    this.#controlClaim.close();
  }

  spawn(service: ServiceName, generation: number): void {
    const { env, log, runId, post, setup } = this.#options;
    const about = { service, generation } as const;
    const colour = this.#colours;
    const command = childCommand(service, {
      setup: setup(),
      runId,
      generation,
      env,
      colour,
      controlFd: this.#controlClaim.fd,
    });
    this.#generations.set(service, generation);
    this.#lastWords.delete(service);
    this.#active.delete(service);
    this.#loopLags.delete(service);
    if (service === 'relay') {
      this.#relayFlows = undefined;
    }
    this.#spawns.set(service, (this.#spawns.get(service) ?? 0) + 1);
    const child = new ChildDriver(command, {
      spawned: (pid) => {
        this.#options.guard()?.watch(pid);
        post({ kind: 'spawned', ...about, pid });
      },
      spawnFailed: (reason, detail) => post({ kind: 'spawn-failed', ...about, reason, detail }),
      exited: (end) => post({ kind: 'exited', ...about, ...end }),
      extinct: () => {
        this.#forgetGroup(child.pid);
        post({ kind: 'extinct', ...about });
      },
      line: (stream, text, continued) => this.#takeLine(about, stream, this.#shown(text), continued),
      message: (message) => this.#handleMessage(about, message as ChildMessage),
    });
    this.#children.set(service, child);
    log.debug({ service, command: withoutSecretArguments(command.argv) }, 'starting a program');
    child.start();
    if (service === 'ims') {
      const { loaded, address } = setup();
      child.send({ kind: 'config', config: loaded.config, address } satisfies SupervisorMessage);
    }
  }

  /**
   * Asks a program of ours, and waits for its answer.
   *
   * @throws Error that completes "the <service> …" when there is none
   */
  ask(service: ServiceName, question: ChildQuestion): Promise<unknown> {
    return this.#questions.ask(question, (message) => this.#children.get(service)?.send(message) === true);
  }

  tell(service: ServiceName, message: SupervisorMessage): void {
    this.#children.get(service)?.send(message);
  }

  /** To the leader alone. */
  signal(service: ServiceName, signal: NodeJS.Signals): void {
    const pid = this.pidOf(service);
    if (pid !== undefined) {
      signalProcess(pid, signal);
    }
  }

  drain(service: ServiceName): void {
    this.#children.get(service)?.drain();
  }

  requestStop(service: ServiceName): void {
    const child = this.#children.get(service);
    const { config } = this.#options.setup().loaded;
    const { command, stopCommand } = config[service];
    if (command === undefined || stopCommand === undefined) {
      child?.requestStop();
      return;
    }
    this.#runHelper(service, 'stopCommand', stopCommand, config.supervisor.stopBudgetMs, () => child?.requestStop());
  }

  /** Another relay serves from now on. */
  runRelayHook(): void {
    const { onRelayRestart } = this.#options.setup().loaded.config.ims;
    if (onRelayRestart !== undefined) {
      this.#runHelper('ims', 'onRelayRestart', onRelayRestart, HOOK_LIMIT_MS);
    }
  }

  terminateRest(service: ServiceName): void {
    this.#children.get(service)?.terminateRest();
  }

  kill(service: ServiceName): void {
    this.#children.get(service)?.kill();
  }

  killAll(): void {
    this.#helpers.killAll();
    for (const child of this.#children.values()) {
      child.kill();
    }
  }

  /** Kills what carries this run's cookie; returns how many there were. */
  killStrays(): number {
    return killAllOf(processesWithEnvironment([this.#runCookie()]));
  }

  /** Kills what one incarnation has left, in its group or out of it. */
  killStraysOf(service: ServiceName, generation: number): void {
    killAllOf(processesWithEnvironment(this.cookiesOf(service, generation)));
  }

  setLevel(level: Logger['level']): void {
    for (const service of ['relay', 'ims'] as const) {
      this.#logs[service].level = level;
      this.tell(service, { kind: 'log-level', level });
    }
  }

  /** Comes when no child is left, or none can be ended. Idempotent. */
  close(): void {
    this.#helpers.close();
    for (const child of this.#children.values()) {
      child.close();
    }
    this.#controlClaim.close();
  }

  #runHelper(service: ServiceName, key: string, argv: readonly string[], limitMs: number, failed?: () => void): void {
    const { env, runId, setup } = this.#options;
    const generation = this.#generations.get(service) ?? 0;
    this.#helpers.run({
      service,
      key,
      argv,
      context: { setup: setup(), runId, generation, env, colour: false, controlFd: undefined },
      servicePid: this.pidOf(service),
      limitMs,
      ...(failed === undefined ? {} : { failed }),
    });
  }

  #runCookie(): string {
    return `${RUN_COOKIE}=${this.#options.runId}`;
  }

  /** A line as everybody may see it. */
  #shown(text: string): string {
    return this.#options.setup().loaded.config.log.redact ? withoutSecrets(text) : text;
  }

  #takeLine(
    { service, generation }: { service: ServiceName; generation: number },
    stream: 'stdout' | 'stderr',
    line: string,
    continued: boolean,
  ): void {
    const plain = withoutColours(line);
    const seq = this.#options.journal.addLine(service, generation, stream, plain);
    const text = this.#colours ? withColoursClosed(line) : plain;
    logChildLine(this.#logs[service], { stream, text, seq, continued });
  }

  /** The relay has logged it; here it is for those who follow events. */
  #noteMedia({ callId, party, verdict, words, local, remote, sure }: MediaEvent): void {
    const fields = { callId, side: party, local, remote, reason: words };
    this.#options.journal.note(levelOf(verdict, sure), `media.${verdict}`, 'media of a call has changed', fields);
  }

  #forgetGroup(leader: number | undefined): void {
    if (leader !== undefined) {
      this.#options.guard()?.forget(leader);
    }
  }

  #handleMessage(about: { service: ServiceName; generation: number }, message: ChildMessage): void {
    const { service } = about;
    switch (message?.kind) {
      case 'ready':
        if (message.part === 'relay') {
          this.#relayDetails = message.details as RelayDetails;
        } else {
          this.#imsDetails = message.details as ImsDetails;
        }
        this.#options.post({ kind: 'reported-ready', ...about });
        break;
      case 'heartbeat':
        this.#active.set(service, message.sessions);
        this.#loopLags.set(service, message.loopLagMs);
        this.#options.post({ kind: 'heartbeat', ...about });
        if (service === 'relay') {
          this.#relayFlows = message.flows;
          const { generation } = about;
          this.#options.post({ kind: 'counted', service, generation, sessions: message.sessions });
        }
        break;
      case 'answer':
        this.#questions.handleAnswer(message.id, message.result);
        break;
      case 'media':
        this.#noteMedia(message.event);
        break;
      case 'failed':
        this.#lastWords.set(service, message.message);
        this.#logs[service].error({ service, reason: message.code }, message.message);
        break;
      default:
        // A newer program of ours may have more to say than this one knows.
        break;
    }
  }
}

function killAllOf(processes: readonly number[]): number {
  for (const pid of processes) {
    signalProcess(pid, 'SIGKILL');
  }
  return processes.length;
}
