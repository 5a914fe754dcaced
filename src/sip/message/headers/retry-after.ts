import { ok } from '../../../wire/result.ts';
import { fault, parseDecimal } from '../grammar.ts';
import type { HeaderField } from './field.ts';

/** RFC 3261 20.33: seconds to wait; its comment and parameters are ignored when read. */
export const retryAfter: HeaderField<number> = {
  name: 'Retry-After',
  list: false,
  single: false,
  parse: (text) => {
    const seconds = parseDecimal(/^\s*([0-9]+)/.exec(text)?.[1] ?? '', 0xffff_ffff);
    return seconds === undefined ? fault('bad-retry-after', 0, 'RFC 3261 20.33') : ok(seconds);
  },
  format: String,
};
