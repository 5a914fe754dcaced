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
