import { z } from 'zod';

/** Top-level keys of config.json for what is kept on disk. */
export const storeShape = {
  dataDir: z.string().min(1).default('./data').meta({
    description: 'Directory for CDRs and other state, mode 0700; relative to the working directory.',
  }),
  cdrFormats: z
    .array(z.enum(['jsonl', 'csv']))
    .min(1)
    .default(['jsonl'])
    .meta({
      description:
        'How call records are written below dataDir, a file a day each: lines of JSON, rows of CSV, or both.',
    }),
} as const;
