import { z } from 'zod';

/** Top-level keys of config.json for what is kept on disk. */
export const storeShape = {
  dataDir: z.string().min(1).default('./data').meta({
    description: 'Directory for CDRs and other state, mode 0700; relative to the working directory.',
  }),
  cdrFormats: z
    .array(z.enum(['jsonl', 'csv', 'sqlite']))
    .min(1)
    .default(['jsonl'])
    .meta({
      description:
        'How call records are written below dataDir: lines of JSON and rows of CSV, a file a day each, and rows of SQLite (cdr/calls.sqlite), one or several of them.',
    }),
} as const;
