import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { fault, isToken, parseDecimal } from '../grammar.ts';
import type { HeaderField } from './field.ts';

/** RFC 3261 20.16: the place of a request in its dialog, and its method. */
export interface CSeq {
  /** 0 – 2^31-1. */
  readonly number: number;
  readonly method: string;
}

export const MAX_CSEQ = 0x7fff_ffff;

const SECTION = 'RFC 3261 20.16';

export const cseq: HeaderField<CSeq> = {
  name: 'CSeq',
  list: false,
  single: true,
  parse,
  format: (value) => `${value.number} ${value.method}`,
};

function parse(text: string): Result<CSeq, ParseError> {
  const match = /^\s*([0-9]+)\s+(\S+)\s*$/.exec(text);
  const number = parseDecimal(match?.[1] ?? '', MAX_CSEQ);
  const method = match?.[2] ?? '';
  return number === undefined || !isToken(method) ? fault('bad-cseq', 0, SECTION) : ok({ number, method });
}
