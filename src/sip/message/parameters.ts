import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { fault, findTopLevel, isToken, quotedStringEnd } from './grammar.ts';

type Entry = readonly [name: string, value: string | undefined];

/**
 * `;name=value` parameters of a header value or a URI, in order, names without case (RFC 3261 7.3.1, 19.1.1).
 * Immutable: `with` and `without` give a changed copy. Values keep their quotes and escapes as they came.
 */
export class Parameters {
  static readonly none = new Parameters([]);

  readonly #entries: readonly Entry[];

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.length;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The value, `''` for a parameter without one (`;lr`), undefined when it is absent. */
  get(name: string): string | undefined {
    const entry = this.#find(name);
    return entry === undefined ? undefined : (entry[1] ?? '');
  }

  /** Sets the parameter in its place, or appends it. Without a value it becomes a flag. */
  with(name: string, value?: string): Parameters {
    const lower = name.toLowerCase();
    const index = this.#entries.findIndex(([candidate]) => candidate.toLowerCase() === lower);
    const entry: Entry = [name, value];
    return new Parameters(index < 0 ? [...this.#entries, entry] : this.#entries.with(index, entry));
  }

  without(name: string): Parameters {
    const lower = name.toLowerCase();
    return new Parameters(this.#entries.filter(([candidate]) => candidate.toLowerCase() !== lower));
  }

  entries(): readonly Entry[] {
    return this.#entries;
  }

  /** `;name=value;flag`, or `''`. */
  toString(): string {
    let text = '';
    for (const [name, value] of this.#entries) {
      text += value === undefined ? `;${name}` : `;${name}=${value}`;
    }
    return text;
  }

  #find(name: string): Entry | undefined {
    for (const entry of this.#entries) {
      if (entry[0] === name) {
        return entry;
      }
    }
    const lower = name.toLowerCase();
    return this.#entries.find(([candidate]) => candidate.toLowerCase() === lower);
  }
}

const SEMICOLON = 0x3b;
const MAX_PARAMETERS = 64;

/**
 * Parses `*( SEMI generic-param )` (RFC 3261 25.1): `text` is empty or begins, after blanks, with a semicolon. A name
 * is a token; a value is a token, a host or a quoted string. One semicolon too many at the end is forgiven.
 */
export function parseHeaderParameters(text: string, section: string): Result<Parameters, ParseError> {
  if (text === '' || text.trim() === '') {
    return ok(Parameters.none);
  }
  const entries: Entry[] = [];
  let at = text.length - text.trimStart().length;
  if (text.charCodeAt(at) !== SEMICOLON) {
    return fault('bad-parameters', at, section);
  }
  while (at < text.length) {
    const end = findTopLevel(text, SEMICOLON, at + 1);
    const parameter = text.slice(at + 1, end).trim();
    const entry = parseParameter(parameter);
    if (entry !== undefined && entries.length < MAX_PARAMETERS) {
      entries.push(entry);
    } else if (parameter !== '' || end < text.length) {
      return fault('bad-parameter', at + 1, section);
    }
    at = end;
  }
  return ok(entries.length === 0 ? Parameters.none : new Parameters(entries));
}

function parseParameter(text: string): Entry | undefined {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals).trimEnd();
  if (!isToken(name)) {
    return undefined;
  }
  if (equals < 0) {
    return [name, undefined];
  }
  const value = text.slice(equals + 1).trimStart();
  if (value.startsWith('"')) {
    return quotedStringEnd(value, 0) === value.length ? [name, value] : undefined;
  }
  // A host may be an IPv6 reference; beyond tokens, agents put URIs and addresses with '@' here: only what would
  // break the surrounding grammar is refused.
  return value !== '' && !/[\s",;<>]/.test(value) ? [name, value] : undefined;
}
