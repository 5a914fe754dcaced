/** What the program's own exit status says. Numbers below 64 belong to the IMS, the others to sysexits.h and the shell. */
import type { StopSignal } from './events.ts';
import type { Ending } from './state.ts';

export const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const satisfies Record<
  StopSignal,
  number
>;

/** Numbers of the signals that end a child, for `128 + n`; POSIX names, the numbers of Linux and macOS agree here. */
const FATAL_SIGNALS: Readonly<Record<string, number>> = {
  ...SIGNAL_NUMBERS,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
};

/** EX_SOFTWARE: also when an IMS keeps ending "successfully". */
const SOFTWARE = 70;

/** Statuses that say "do not start me again": usage (64) and configuration (78). */
export const NOT_RETRYABLE: ReadonlySet<number> = new Set([64, 78]);

/** Whether an end is what its program calls success: status 0, or one that the configuration names. */
export function isSuccess({ exitCode, signal }: Omit<Ending, 'sentence'>, others: readonly number[]): boolean {
  return signal === undefined && exitCode !== undefined && (exitCode === 0 || others.includes(exitCode));
}

/** Status after a stop that a signal asked for: TERM is an orderly stop, the others are told by their number. */
export function exitCodeForSignal(signal: StopSignal): number {
  return signal === 'SIGTERM' ? 0 : 128 + SIGNAL_NUMBERS[signal];
}

/** Status after a stop that a repeated signal forced. */
export function forcedExitCode(signal: StopSignal): number {
  return 128 + SIGNAL_NUMBERS[signal];
}

/** What these say of ims-launch itself (README, "Errors") is not what an IMS means by them. */
const TAKEN: ReadonlySet<number> = new Set([69, 71, 75]);

/**
 * Status when the IMS could not be kept alive: its own, or 128 + the signal that ended it. 126 and 127 are those of a
 * shell that was to start it, and say the same of us.
 */
export function exitCodeForIms(ending: Ending): number {
  if (ending.signal !== undefined) {
    return 128 + (FATAL_SIGNALS[ending.signal] ?? 0);
  }
  const code = ending.exitCode ?? SOFTWARE;
  return code >= 1 && code <= 127 && !TAKEN.has(code) ? code : SOFTWARE;
}
