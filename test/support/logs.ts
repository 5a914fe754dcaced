/** Logs for what is tested below the programs. */
import type { Log } from '../../src/observe/log.ts';

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
