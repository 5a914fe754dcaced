import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { fault, parseDecimal, quote, unquote } from '../grammar.ts';
import type { HeaderField } from './field.ts';

/** RFC 3261 20.43: `399 ims.example.com "media relay at 127.0.0.1:7722 refused"`. */
export interface Warning {
  /** 300–399; 399 is miscellaneous text. */
  readonly code: number;
  /** Who warns: host or pseudonym. */
  readonly agent: string;
  readonly text: string;
}

export const warning: HeaderField<Warning> = {
  name: 'Warning',
  list: true,
  single: false,
  parse,
  format: (value) => `${value.code} ${value.agent} ${quote(value.text)}`,
};

function parse(text: string): Result<Warning, ParseError> {
  const match = /^([0-9]{3})[ \t]+(\S+)[ \t]+("(?:[^"\\]|\\.)*")$/s.exec(text.trim());
  const code = parseDecimal(match?.[1] ?? '', 999);
  return match === null || code === undefined
    ? fault('bad-warning', 0, 'RFC 3261 20.43')
    : ok({ code, agent: match[2] ?? '', text: unquote(match[3] ?? '') });
}
