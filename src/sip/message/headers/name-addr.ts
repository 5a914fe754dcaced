/** `name-addr` and `addr-spec` with parameters (RFC 3261 20.10, 25.1): From, To, Contact, Route and their kin. */
import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { fault, isToken, quote, quotedStringEnd, unquote } from '../grammar.ts';
import { type Parameters, parseHeaderParameters } from '../parameters.ts';
import type { HeaderField } from './field.ts';

export interface NameAddr {
  /** Without quotes and escapes; undefined when there is none. */
  readonly displayName: string | undefined;
  /** As it stands between the angle brackets; `parseUri` takes it apart. */
  readonly uri: string;
  /** The header's parameters (`tag`, `expires`, `q`, …), not those of the URI. */
  readonly parameters: Parameters;
}

/** Makes the field for a header that holds a name-addr. */
export function nameAddrField(
  name: string,
  section: string,
  traits: { readonly compact?: string; readonly list: boolean; readonly single: boolean },
): HeaderField<NameAddr> {
  return { name, ...traits, parse: (text) => parseNameAddr(text, section), format: formatNameAddr };
}

/**
 * Without angle brackets everything from the first semicolon on belongs to the header, and the URI may hold neither
 * comma nor question mark (RFC 3261 20.10).
 */
export function parseNameAddr(text: string, section: string): Result<NameAddr, ParseError> {
  const trimmed = text.trim();
  let displayName: string | undefined;
  let at = 0;
  if (trimmed.charCodeAt(0) === 0x22) {
    at = quotedStringEnd(trimmed, 0);
    if (at < 0) {
      return fault('unbalanced-quotes', 0, section);
    }
    displayName = unquote(trimmed.slice(0, at));
  }
  const open = trimmed.indexOf('<', at);
  const semicolon = trimmed.indexOf(';', at);
  if (open < 0 || (displayName === undefined && semicolon >= 0 && semicolon < open)) {
    return displayName === undefined ? parseAddrSpec(trimmed, semicolon, section) : fault('no-uri', at, section);
  }
  const words = trimmed.slice(at, open).trim();
  if (displayName === undefined ? !isDisplayText(words) : words !== '') {
    return fault('bad-display-name', at, section);
  }
  const close = trimmed.indexOf('>', open);
  const uri = trimmed.slice(open + 1, close).trim();
  if (close < 0 || uri === '' || !uri.includes(':') || /[\s<"]/.test(uri)) {
    return fault('bad-uri', open + 1, section);
  }
  const parameters = parseHeaderParameters(trimmed.slice(close + 1), section);
  if (!parameters.ok) {
    return parameters;
  }
  return ok({ displayName: displayName ?? (words || undefined), uri, parameters: parameters.value });
}

export function formatNameAddr(value: NameAddr): string {
  const name = value.displayName === undefined ? '' : `${quote(value.displayName)} `;
  return `${name}<${value.uri}>${value.parameters}`;
}

function parseAddrSpec(text: string, semicolon: number, section: string): Result<NameAddr, ParseError> {
  const uri = (semicolon < 0 ? text : text.slice(0, semicolon)).trim();
  if (uri === '' || !uri.includes(':') || /[\s<>",?]/.test(uri)) {
    return fault('bad-uri', 0, section);
  }
  const parameters = parseHeaderParameters(semicolon < 0 ? '' : text.slice(semicolon), section);
  return parameters.ok ? ok({ displayName: undefined, uri, parameters: parameters.value }) : parameters;
}

/** Tokens and blanks; text beyond ASCII is let through unquoted, as many phones send it. */
function isDisplayText(text: string): boolean {
  return text === '' || text.split(/[ \t]+/).every((word) => isToken(word.replace(/[^\0-\x7f]/g, 'x')));
}
