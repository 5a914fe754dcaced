import { z } from 'zod';

/** Top-level keys of config.json for what is kept on disk. */
export const storeShape = {
  dataDir: z.string().min(1).default('./data').meta({
    description: 'Directory for CDRs and other state, mode 0700; relative to the working directory.',
  }),
} as const;
