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
    case 'integer':
      return /^-?[0-9]{1,15}$/.test(text) ? ok(Number(text)) : err('must be a whole number');
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
