/** Logs for what is tested below the programs. */
import type { Log, LogFields } from '../../src/observe/log.ts';

/** Says nothing. */
export function silentLog(): Log {
  const say = (): void => {};
  const log: Log = {
    error: say,
    warn: say,
    info: say,
    debug: say,
    trace: say,
    child: () => log,
    isLevelEnabled: () => false,
  };
  return log;
}

/** Keeps each line as `level: sentence`. */
export function recordingLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (_fields: LogFields, sentence: string): void => {
      lines.push(`${level}: ${sentence}`);
    };
  const log: Log = {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
    child: () => log,
    isLevelEnabled: () => true,
  };
  return { log, lines };
}
