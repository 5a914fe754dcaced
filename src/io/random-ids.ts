import { randomBytes } from 'node:crypto';
import type { IdSource } from '../sip/transaction/ids.ts';

/** Identifiers that nobody can guess or meet again: 80 bits for branches and tags, 128 for Call-IDs. */
export function randomIds(): IdSource {
  return {
    branch: () => randomBytes(10).toString('hex'),
    tag: () => randomBytes(10).toString('hex'),
    callId: () => randomBytes(16).toString('hex'),
  };
}
