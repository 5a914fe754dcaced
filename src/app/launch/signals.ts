/** What tells the supervisor to stop, other than a service: signals, and the end of npm or npx above us. */
import type { StopSignal } from '../../supervisor/events.ts';
import { startedByNpm } from './surroundings.ts';

export interface SignalListener {
  stop(signal: StopSignal, reason: string): void;
  /** SIGQUIT: say what is known before everything stops. */
  diagnose(): void;
  reload(): void;
  launcherGone(): void;
  /** SIGUSR1: show the state. The handler also keeps Node from opening its inspector. */
  status(): void;
  /** SIGUSR2: log files were moved away; and show the state. */
  reopenLogs(): void;
}

export interface SignalWatch {
  close(): void;
}

const PARENT_POLL_MS = 250;

/** Installs the handlers. Nothing asynchronous may come before this: as PID 1, Node ignores TERM without a handler. */
export function watchSignals(env: Readonly<Record<string, string | undefined>>, listener: SignalListener): SignalWatch {
  const hasTerminal = process.stdin.isTTY === true || process.stdout.isTTY === true;
  const handlers = {
    SIGTERM: () => listener.stop('SIGTERM', 'SIGTERM'),
    SIGINT: () => listener.stop('SIGINT', 'SIGINT'),
    SIGQUIT: () => {
      listener.diagnose();
      listener.stop('SIGQUIT', 'SIGQUIT');
    },
    // A closed terminal ends us; without one, HUP is the daemons' word for "read your configuration".
    SIGHUP: () => (hasTerminal ? listener.stop('SIGHUP', 'the terminal is gone') : listener.reload()),
    SIGUSR1: () => listener.status(),
    SIGUSR2: () => listener.reopenLogs(),
  } as const;
  for (const [signal, handler] of Object.entries(handlers)) {
    process.on(signal, handler);
  }
  const parent = shouldWatchParent(env) ? watchParent(() => listener.launcherGone()) : undefined;
  return {
    close: () => {
      for (const [signal, handler] of Object.entries(handlers)) {
        process.off(signal, handler);
      }
      clearInterval(parent);
    },
  };
}

/** npm and npx die of TERM without passing it on, and leave what they started to run for ever. */
function shouldWatchParent(env: Readonly<Record<string, string | undefined>>): boolean {
  const asked = env['IMS_LAUNCH_PARENT_WATCH'];
  if (asked !== undefined && asked !== '') {
    return !['0', 'false', 'no', 'off'].includes(asked.toLowerCase());
  }
  return startedByNpm(env);
}

/** Two looks in a row: a parent that changes once is the launcher's end, not a passing state. */
function watchParent(onGone: () => void): NodeJS.Timeout {
  const initial = process.ppid;
  let strange = 0;
  const poll = setInterval(() => {
    strange = process.ppid === initial ? 0 : strange + 1;
    if (strange === 2) {
      clearInterval(poll);
      onGone();
    }
  }, PARENT_POLL_MS);
  return poll;
}
