/** Names of log levels. Apart from `options.ts`, so that a process without a configuration file loads no validator. */

/** rtpproxy's, Python's and pino's names of a level all mean the same here. */
export const LEVEL_ALIASES = {
  DBUG: 'debug',
  DEBUG: 'debug',
  TRACE: 'trace',
  INFO: 'info',
  WARN: 'warn',
  WARNING: 'warn',
  ERR: 'error',
  ERROR: 'error',
  CRIT: 'error',
  CRITICAL: 'error',
} as const;

export type LogLevel = (typeof LEVEL_ALIASES)[keyof typeof LEVEL_ALIASES];

/** The pino level that a name of `LOG_LEVEL` or `-d` stands for, or undefined. */
export function logLevelOf(name: string): LogLevel | undefined {
  return LEVEL_ALIASES[name.toUpperCase() as keyof typeof LEVEL_ALIASES];
}
