import { ok } from '../../../wire/result.ts';
import { fault, parseDecimal } from '../grammar.ts';
import type { HeaderField } from './field.ts';

/** RFC 4028 5: seconds; its parameters say nothing yet and are ignored when read. */
export const minSe: HeaderField<number> = {
  name: 'Min-SE',
  list: false,
  single: false,
  parse: (text) => {
    const seconds = parseDecimal((text.split(';', 1)[0] ?? '').trim(), 0xffff_ffff);
    return seconds === undefined ? fault('bad-min-se', 0, 'RFC 4028 5') : ok(seconds);
  },
  format: String,
};
