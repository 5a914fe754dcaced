import { z } from 'zod';

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

export const logLevelOption = z
  .string()
  .refine((name) => logLevelOf(name) !== undefined, 'must be TRACE, DEBUG, INFO, WARNING or ERROR')
  .default('INFO')
  .meta({
    description: 'How much is logged: TRACE, DEBUG, INFO, WARNING or ERROR (rtpproxy’s names work too).',
    flag: '--log-level',
  });
