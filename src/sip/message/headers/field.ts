import { ok, type ParseError, type Result } from '../../../wire/result.ts';

/** What the table of headers knows without a value's type. */
export interface HeaderTraits {
  /** As we spell it. */
  readonly name: string;
  /** One-letter form (RFC 3261 7.3.3), lower case. */
  readonly compact?: string;
  /** Values may share a line, separated by commas; `parse` is then given one value. */
  readonly list: boolean;
  /** A message may hold it once at most: a second one makes the message malformed. */
  readonly single: boolean;
}

/** One header: a constant in a file of its own, and a line in `table.ts`. */
export interface HeaderField<T> extends HeaderTraits {
  parse(text: string): Result<T, ParseError>;
  format(value: T): string;
}

/** A header whose value is one text to us. */
export function textField(name: string, compact?: string): HeaderField<string> {
  return { name, ...(compact && { compact }), list: false, single: false, parse: ok, format: String };
}

/** A header that is a list of words (option tags, methods, media types). */
export function listField(name: string, compact?: string): HeaderField<string> {
  return { name, ...(compact && { compact }), list: true, single: false, parse: ok, format: String };
}
