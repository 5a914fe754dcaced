/** The pieces of grammar that several headers share (RFC 3261 25.1). All of them are linear in their input. */
import { err, type ParseError } from '../../wire/result.ts';

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

/** Whether the text is a `token`. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether the text is a decimal number that fits into `maximum`, as a number; otherwise undefined. */
export function parseDecimal(text: string, maximum: number): number | undefined {
  if (text.length === 0 || text.length > 20 || !/^[0-9]+$/.test(text)) {
    return undefined;
  }
  const value = Number(text);
  return value <= maximum ? value : undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const LESS_THAN = 0x3c;
const GREATER_THAN = 0x3e;

/**
 * The members of a comma-separated list; commas inside quoted strings and angle brackets do not separate. Empty
 * members are dropped (RFC 3261 25.1 wants none, some agents send them). With `limit`, stops after that many.
 */
export function splitList(text: string, limit = Number.POSITIVE_INFINITY): string[] {
  if (!text.includes(',')) {
    const only = text.trim();
    return only === '' ? [] : [only];
  }
  const members: string[] = [];
  let start = 0;
  while (start <= text.length && members.length < limit) {
    const end = findTopLevel(text, COMMA, start);
    const member = text.slice(start, end).trim();
    if (member !== '') {
      members.push(member);
    }
    start = end + 1;
  }
  return members;
}

/** The index of that character outside of quoted strings and angle brackets, from `start` on, or the text's length. */
export function findTopLevel(text: string, wanted: number, start = 0): number {
  let quoted = false;
  let bracketed = false;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === BACKSLASH) {
        i++;
      } else if (code === QUOTE) {
        quoted = false;
      }
    } else if (code === wanted && !bracketed) {
      return i;
    } else if (code === QUOTE) {
      quoted = true;
    } else if (code === LESS_THAN) {
      bracketed = true;
    } else if (code === GREATER_THAN) {
      bracketed = false;
    }
  }
  return text.length;
}

/** The end of the quoted string that begins at `start` (the index after its closing quote), or -1. */
export function quotedStringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) {
      i++;
    } else if (code === QUOTE) {
      return i + 1;
    }
  }
  return -1;
}

/** The content of a quoted string without its quotes and escapes; other text as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== QUOTE || text.charCodeAt(text.length - 1) !== QUOTE) {
    return text;
  }
  const inner = text.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner;
}

export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A fault at `offset` of a header's value. */
export function fault(
  code: string,
  offset: number,
  section: string,
): { readonly ok: false; readonly error: ParseError } {
  return err({ code, offset, section });
}
