import { ok } from '../../../wire/result.ts';
import { fault, parseDecimal } from '../grammar.ts';
import type { HeaderField } from './field.ts';

/** A header whose whole value is one decimal number. */
export function numberField(
  name: string,
  maximum: number,
  section: string,
  traits: { readonly compact?: string; readonly single: boolean },
): HeaderField<number> {
  return {
    name,
    ...traits,
    list: false,
    parse: (text) => {
      const value = parseDecimal(text.trim(), maximum);
      return value === undefined ? fault(`bad-${name.toLowerCase()}`, 0, section) : ok(value);
    },
    format: String,
  };
}
