/** What systemd is told (sd_notify(3)): ready, reloading, stopping, a status line, and that we are alive and well. */
import { type NotifySocket, openNotifySocket } from '../../linux/notify-socket.ts';
import type { Log } from '../../observe/log.ts';
import { type Component, isServing, MISSES_TOLD, type SupervisorState } from '../../supervisor/state.ts';
import { WALL_CLOCK_SLACK_MS } from '../../supervisor/stop-plan.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A timer that comes this late says that the loop is not sane, milliseconds. */
const MAX_LAG_MS = 1000;

export class ServiceManager {
  readonly #socket: NotifySocket;
  readonly #watchdogMs: number;
  #state: SupervisorState | undefined;
  #ready = false;
  #stopping = false;
  #reloading = false;
  #status = '';
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;

  /** Undefined without a manager that wants to be told. */
  static fromEnvironment(env: Environment, log: Log): ServiceManager | undefined {
    const name = env['NOTIFY_SOCKET'] ?? '';
    if (name === '') {
      return undefined;
    }
    const socket = openNotifySocket(name);
    if (socket === undefined) {
      log.warn({ event: 'notify.unavailable', path: name }, 'the service manager cannot be told that we are ready');
      return undefined;
    }
    return new ServiceManager(socket, watchdogOf(env));
  }

  /** @param watchdogMs the manager's patience; Infinity: it has no watchdog */
  constructor(socket: NotifySocket, watchdogMs: number) {
    this.#socket = socket;
    this.#watchdogMs = watchdogMs;
  }

  /** After every turn of the supervisor. */
  handleState(state: SupervisorState): void {
    this.#state = state;
    const lines: string[] = [];
    if (state.announced && !this.#ready) {
      this.#ready = true;
      lines.push('READY=1');
      this.#startWatchdog();
    }
    if ((state.phase === 'stopping' || state.phase === 'done') && !this.#stopping) {
      this.#stopping = true;
      // Should it be longer than the unit's TimeoutStopSec, the manager waits for it all the same.
      const limitMs = state.rules.stopBudgetMs + WALL_CLOCK_SLACK_MS;
      lines.push('STOPPING=1', `EXTEND_TIMEOUT_USEC=${limitMs * 1000}`);
    }
    const status = describeState(state);
    if (status !== this.#status) {
      this.#status = status;
      lines.push(`STATUS=${status}`);
    }
    if (lines.length > 0) {
      this.#socket.send(lines.join('\n'));
    }
  }

  /** Around a reload; one within another is part of it. */
  async whileReloading<T>(apply: () => Promise<T>): Promise<T> {
    if (!this.#ready || this.#stopping || this.#reloading) {
      return await apply();
    }
    this.#reloading = true;
    // CLOCK_MONOTONIC: the manager tells by it which request is answered.
    this.#socket.send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    try {
      return await apply();
    } finally {
      this.#reloading = false;
      if (!this.#stopping) {
        this.#socket.send('READY=1');
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  /** At half the manager's patience; `now` monotonic milliseconds. */
  handleTick(now: number): void {
    const lagMs = now - this.#dueAt;
    this.#dueAt = now + this.#watchdogMs / 2;
    if (this.#state !== undefined && isWell(this.#state) && lagMs < MAX_LAG_MS) {
      this.#socket.send('WATCHDOG=1');
    }
  }

  #startWatchdog(): void {
    if (this.#watchdogMs === Number.POSITIVE_INFINITY) {
      return;
    }
    this.#dueAt = performance.now();
    this.handleTick(this.#dueAt);
    this.#timer = setInterval(() => this.handleTick(performance.now()), this.#watchdogMs / 2);
    this.#timer.unref();
  }
}

/** One line for people: `systemctl status` shows it. */
export function describeState({ phase, relay, ims }: SupervisorState): string {
  return `${phase}: relay ${relay.condition.kind}, IMS ${ims.condition.kind}`;
}

/**
 * Both serve, or we are stopping, which has limits of its own. A relay that we may not start is not ours to mend, and
 * one that answers but passes no media is left to its calls for a while: the watchdog would end them at once.
 */
export function isWell({ phase, rules, relay, ims }: SupervisorState): boolean {
  return phase === 'stopping' || (isServing(ims) && (isServing(relay) || answers(relay) || !rules.relay.autoStart));
}

function answers({ condition }: Component): boolean {
  return 'health' in condition && condition.health.misses < MISSES_TOLD;
}

/** WATCHDOG_USEC, unless it is meant for another process. */
function watchdogOf(env: Environment): number {
  const pid = env['WATCHDOG_PID'];
  const microseconds = Number(env['WATCHDOG_USEC'] ?? '');
  const isOurs = pid === undefined || pid === String(process.pid);
  return isOurs && microseconds > 0 ? microseconds / 1000 : Number.POSITIVE_INFINITY;
}
