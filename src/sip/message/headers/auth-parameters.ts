/** The scheme and `name=value` list that challenges and credentials share (RFC 7616 3.3, RFC 3261 25.1). */
import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { fault, findTopLevel, isToken, quote, unquote } from '../grammar.ts';

export interface AuthParameters {
  /** `Digest`, as it was spelled. */
  readonly scheme: string;
  /** By lower-case name, without quotes. A name that comes twice makes the header malformed. */
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_PARAMETERS = 32;

export function parseAuthParameters(text: string, section: string): Result<AuthParameters, ParseError> {
  const match = /^\s*([^\s,=]+)\s+/.exec(text);
  if (match === null || !isToken(match[1] ?? '')) {
    return fault('bad-auth-scheme', 0, section);
  }
  const parameters = new Map<string, string>();
  let at = match[0].length;
  while (at < text.length) {
    const end = findTopLevel(text, 0x2c, at);
    const part = text.slice(at, end).trim();
    if (part !== '') {
      const equals = part.indexOf('=');
      const name = part.slice(0, Math.max(0, equals)).trimEnd().toLowerCase();
      const value = part.slice(equals + 1).trimStart();
      const sound = isToken(name) && !parameters.has(name) && isValue(value) && parameters.size < MAX_PARAMETERS;
      if (!sound) {
        return fault('bad-auth-parameter', at, section);
      }
      parameters.set(name, unquote(value));
    }
    at = end + 1;
  }
  return ok({ scheme: match[1] ?? '', parameters });
}

/** Parameters whose value the grammar wants bare; all others are quoted. */
export function formatAuthParameters(
  scheme: string,
  parameters: Iterable<readonly [name: string, value: string | undefined]>,
  bare: readonly string[],
): string {
  const parts: string[] = [];
  for (const [name, value] of parameters) {
    if (value !== undefined) {
      parts.push(`${name}=${bare.includes(name) ? value : quote(value)}`);
    }
  }
  return `${scheme} ${parts.join(', ')}`;
}

function isValue(text: string): boolean {
  return /^"(?:[^"\\]|\\.)*"$/s.test(text) || /^[^\s",]+$/.test(text);
}
