/** Environment variables and flags are text; an option knows which type it wants. */
import { err, ok, type Result } from '../wire/result.ts';
import type { OptionEntry } from './catalogue.ts';
import { parseJson } from './json.ts';

const TRUE_WORDS = new Set(['1', 'true', 'yes', 'on']);
const FALSE_WORDS = new Set(['0', 'false', 'no', 'off']);

/** The value that `text` stands for; the error says which form was expected. Ranges are checked by the schema. */
export function valueFromText(option: OptionEntry, text: string): Result<unknown, string> {
  if (option.nullable && text === 'null') {
    return ok(null);
  }
  switch (option.type) {
    case 'string':
      return ok(text);
    case 'integer': {
      const duration = durationFromText(option.unit, text);
      if (duration !== undefined) {
        return ok(duration);
      }
      return /^-?[0-9]{1,15}$/.test(text) ? ok(Number(text)) : err('must be a whole number');
    }
    case 'boolean': {
      const word = text.toLowerCase();
      if (TRUE_WORDS.has(word)) {
        return ok(true);
      }
      return FALSE_WORDS.has(word) ? ok(false) : err('must be 1, true, yes or on, or 0, false, no or off');
    }
    case 'array':
    case 'object': {
      const parsed = parseJson(text);
      return parsed.ok ? parsed : err(`must be a JSON ${option.type}`);
    }
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `2s` is 2000 for an option in milliseconds and 2 for one in seconds; undefined: no such text, or no such option. */
function durationFromText(unit: string | undefined, text: string): number | undefined {
  const [, count = '', suffix = ''] = /^([0-9]{1,12})(ms|s|m|h)$/.exec(text) ?? [];
  const from = UNIT_MS[suffix];
  const to = unit === 'ms' || unit === 's' ? UNIT_MS[unit] : undefined;
  return from === undefined || to === undefined || from < to ? undefined : (Number(count) * from) / to;
}
