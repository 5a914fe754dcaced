import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { parseDecimal } from '../grammar.ts';
import type { HeaderField } from './field.ts';
import { formatNameAddr, type NameAddr, parseNameAddr } from './name-addr.ts';

/** RFC 3261 20.10: an address, or `*` for all bindings of a REGISTER. */
export type Contact = '*' | NameAddr;

export const contact: HeaderField<Contact> = {
  name: 'Contact',
  compact: 'm',
  list: true,
  single: false,
  parse,
  format: (value) => (value === '*' ? '*' : formatNameAddr(value)),
};

/** The `expires` parameter in seconds; undefined when absent or malformed, which means the default (RFC 3261 10.3). */
export function contactExpires(value: NameAddr): number | undefined {
  const text = value.parameters.get('expires');
  return text === undefined ? undefined : parseDecimal(text, 0xffff_ffff);
}

/** The `q` parameter, 0–1; 1 when absent or malformed (RFC 3261 20.10). */
export function contactQ(value: NameAddr): number {
  const text = value.parameters.get('q') ?? '';
  return /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 1;
}

function parse(text: string): Result<Contact, ParseError> {
  return text.trim() === '*' ? ok('*') : parseNameAddr(text, 'RFC 3261 20.10');
}
