import { randomFillSync } from 'node:crypto';
import type { IdSource } from '../sip/transaction/ids.ts';

/** Random bytes are fetched so many at a time: a call needs a dozen ids, and each fetch costs more than its bytes. */
const POOL_BYTES = 4096;

/** Identifiers that nobody can guess or meet again: 80 bits for branches and tags, 128 for Call-IDs. */
export function randomIds(): IdSource {
  const pool = Buffer.alloc(POOL_BYTES);
  let next = POOL_BYTES;
  const hex = (bytes: number): string => {
    if (next + bytes > POOL_BYTES) {
      randomFillSync(pool);
      next = 0;
    }
    next += bytes;
    return pool.toString('hex', next - bytes, next);
  };
  return { branch: () => hex(10), tag: () => hex(10), callId: () => hex(16) };
}
