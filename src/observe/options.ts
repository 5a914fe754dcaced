import { z } from 'zod';
import { logLevelOf } from './level.ts';

export const logLevelOption = z
  .string()
  .refine((name) => logLevelOf(name) !== undefined, 'must be TRACE, DEBUG, INFO, WARNING or ERROR')
  .default('INFO')
  .meta({
    description: 'How much is logged: TRACE, DEBUG, INFO, WARNING or ERROR (rtpproxy’s names work too).',
    flag: '--log-level',
  });

/** `log` in config.json: what becomes of the log besides the console. */
export const logOptions = z.object({
  file: z.string().min(1).optional().meta({
    description: 'File for the log, as JSON, besides the console. SIGUSR2 opens it anew after it was moved.',
    flag: '--log-file',
  }),
  maxSizeBytes: z.number().int().min(65_536).max(1_099_511_627_776).default(10_485_760).meta({
    description: 'A log file of this size is renamed to <file>.1 and another is begun.',
    unit: 'B',
  }),
  maxFiles: z.number().int().min(0).max(1000).default(5).meta({
    description: 'Renamed log files that are kept.',
  }),
  redact: z.boolean().default(true).meta({
    description: 'Cut the credentials of Authorization headers out of what relay and IMS print.',
  }),
});
