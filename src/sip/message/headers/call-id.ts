import { ok } from '../../../wire/result.ts';
import { fault } from '../grammar.ts';
import type { HeaderField } from './field.ts';

/** RFC 3261 20.8: `word [ "@" word ]`; any visible characters are let through, compared with case. */
export const callId: HeaderField<string> = {
  name: 'Call-ID',
  compact: 'i',
  list: false,
  single: true,
  parse: (text) => (/^\S+$/.test(text) ? ok(text) : fault('bad-call-id', 0, 'RFC 3261 20.8')),
  format: String,
};
