/**
 * JSON with the place of the first mistake. `JSON.parse` does not always name one (Node 20 leaves it out for
 * short texts), and an operator who edits a file by hand needs line and column.
 */
import { err, ok, type Result } from '../wire/result.ts';

export interface JsonSyntaxError {
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in characters. */
  readonly column: number;
  /** What was met there, for example `found "}" where a value was expected`. */
  readonly found: string;
}

export function parseJson(text: string): Result<unknown, JsonSyntaxError> {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return ok(JSON.parse(source));
  } catch {
    const { offset, expected } = firstMistake(source);
    const before = source.slice(0, offset).split('\n');
    return err({
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      found: `${describe(source, offset)} where ${expected} was expected`,
    });
  }
}

interface Mistake {
  readonly offset: number;
  readonly expected: string;
}

const LITERAL = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these inside a string (RFC 8259 7).
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const BLANK = /[ \t\r\n]*/y;

/** Walks the text by the grammar of RFC 8259 with an explicit stack, so that depth cannot overflow ours. */
function firstMistake(text: string): Mistake {
  const closers: ('}' | ']')[] = [];
  let offset = 0;
  let state: 'value' | 'first-key' | 'key' | 'first-item' | 'after-value' = 'value';
  for (;;) {
    offset = match(BLANK, text, offset) ?? offset;
    const char = text[offset];
    if (state === 'after-value') {
      const closer = closers.at(-1);
      if (closer === undefined) {
        return { offset, expected: 'the end of the file' };
      }
      if (char === ',') {
        state = closer === '}' ? 'key' : 'value';
      } else if (char === closer) {
        closers.pop();
      } else {
        return { offset, expected: `"," or "${closer}"` };
      }
      offset += 1;
      continue;
    }
    if ((state === 'first-key' && char === '}') || (state === 'first-item' && char === ']')) {
      closers.pop();
      state = 'after-value';
      offset += 1;
      continue;
    }
    if (state === 'first-key' || state === 'key') {
      const afterKey = match(STRING, text, offset);
      if (afterKey === undefined) {
        return { offset, expected: 'a key in double quotes' };
      }
      offset = match(BLANK, text, afterKey) ?? afterKey;
      if (text[offset] !== ':') {
        return { offset, expected: '":"' };
      }
      offset += 1;
      state = 'value';
      continue;
    }
    if (char === '{' || char === '[') {
      closers.push(char === '{' ? '}' : ']');
      state = char === '{' ? 'first-key' : 'first-item';
      offset += 1;
      continue;
    }
    const after = match(char === '"' ? STRING : LITERAL, text, offset);
    if (after === undefined) {
      return { offset, expected: 'a value' };
    }
    offset = after;
    state = 'after-value';
  }
}

function match(pattern: RegExp, text: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function describe(text: string, offset: number): string {
  if (offset >= text.length) {
    return 'the file ends';
  }
  return `found ${JSON.stringify(String.fromCodePoint(text.codePointAt(offset) ?? 0))}`;
}
