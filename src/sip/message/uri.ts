/**
 * URIs (RFC 3261 19.1, RFC 3966): `sip:` and `sips:` taken apart, `tel:` in two parts, every other scheme carried
 * through as text. Parts keep their escapes, so that an unchanged URI is formatted back as it came; `unescapeUri`
 * decodes where a part is looked up.
 */
import { parseIpv4, parseIpv6 } from '../../wire/ip-address.ts';
import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { fault, parseDecimal } from './grammar.ts';
import { Parameters } from './parameters.ts';

export interface SipUri {
  readonly kind: 'sip';
  readonly scheme: 'sip' | 'sips';
  /** Before the `@`, without the password, still escaped; undefined when there is none. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Name or address; IPv6 without its brackets. Case as it came. */
  readonly host: string;
  readonly port: number | undefined;
  readonly parameters: Parameters;
  /** What follows `?`, as it came; undefined when there is none. Must not stand in a Request-URI. */
  readonly headers: string | undefined;
}

export interface TelUri {
  readonly kind: 'tel';
  /** With its visual separators, for example `+1-201-555-0123`. */
  readonly number: string;
  readonly parameters: Parameters;
}

export interface OtherUri {
  readonly kind: 'other';
  readonly scheme: string;
  /** After the colon. */
  readonly rest: string;
}

export type Uri = SipUri | TelUri | OtherUri;

const SECTION = 'RFC 3261 19.1.1';
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+$/;
const PASSWORD = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*$/;
const URI_PARAMETER = /^(?:[A-Za-z0-9\-_.!~*'()[\]/:&+$@]|%[0-9A-Fa-f]{2})+$/;
const URI_HEADERS = /^(?:[A-Za-z0-9\-_.!~*'()[\]/?:+$&=@;,]|%[0-9A-Fa-f]{2})*$/;
const HOSTNAME = /^[A-Za-z0-9](?:[A-Za-z0-9\-._]*[A-Za-z0-9_])?\.?$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;

export function parseUri(text: string): Result<Uri, ParseError> {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(0, colon));
  switch (scheme) {
    case 'sip':
    case 'sips':
      return parseSipUri(scheme, text, colon + 1);
    case 'tel':
      return parseTelUri(text, colon + 1);
    default: {
      const lower = scheme.toLowerCase();
      if (lower !== scheme && (lower === 'sip' || lower === 'sips' || lower === 'tel')) {
        return parseUri(lower + text.slice(colon));
      }
      if (!SCHEME.test(scheme) || colon === text.length - 1 || /[\s<>"]/.test(text)) {
        return fault('bad-uri', 0, SECTION);
      }
      return ok({ kind: 'other', scheme, rest: text.slice(colon + 1) });
    }
  }
}

/** A SIP or SIPS URI, or undefined for everything else: for lookups that have no use for a reason. */
export function parseSipUriOrUndefined(text: string): SipUri | undefined {
  const result = parseUri(text);
  return result.ok && result.value.kind === 'sip' ? result.value : undefined;
}

export function formatUri(uri: Uri): string {
  switch (uri.kind) {
    case 'sip': {
      const password = uri.password === undefined ? '' : `:${uri.password}`;
      const userInfo = uri.user === undefined ? '' : `${uri.user}${password}@`;
      const host = uri.host.includes(':') ? `[${uri.host}]` : uri.host;
      const port = uri.port === undefined ? '' : `:${uri.port}`;
      const headers = uri.headers === undefined ? '' : `?${uri.headers}`;
      return `${uri.scheme}:${userInfo}${host}${port}${uri.parameters}${headers}`;
    }
    case 'tel':
      return `tel:${uri.number}${uri.parameters}`;
    case 'other':
      return `${uri.scheme}:${uri.rest}`;
  }
}

/** A SIP URI from its parts; `user` is escaped where it must be (RFC 3261 19.1.2). */
export function sipUri(parts: {
  readonly scheme?: 'sip' | 'sips';
  readonly user?: string | undefined;
  readonly host: string;
  readonly port?: number | undefined;
  readonly parameters?: Parameters;
}): SipUri {
  return {
    kind: 'sip',
    scheme: parts.scheme ?? 'sip',
    user: parts.user === undefined ? undefined : escapeUser(parts.user),
    password: undefined,
    host: parts.host,
    port: parts.port,
    parameters: parts.parameters ?? Parameters.none,
    headers: undefined,
  };
}

/** Decodes `%HH` escapes as UTF-8; an escape that is no UTF-8 stays as it is. */
export function unescapeUri(text: string): string {
  if (!text.includes('%')) {
    return text;
  }
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function escapeUser(text: string): string {
  return USER.test(text) && !text.includes('%')
    ? text
    : Array.from(text, (c) => (/[A-Za-z0-9\-_.!~*'()&=+$,;?/]/.test(c) ? c : encodeCharacter(c))).join('');
}

/** Parameters that count when only one of the two URIs has them (RFC 3261 19.1.4). */
const SIGNIFICANT_PARAMETERS = ['user', 'ttl', 'method', 'maddr', 'transport'];

/** RFC 3261 19.1.4: user with case, host without; a port or one of five parameters must not be missing in one. */
export function equalUris(left: Uri, right: Uri): boolean {
  if (left.kind !== 'sip' || right.kind !== 'sip') {
    return formatUri(left).toLowerCase() === formatUri(right).toLowerCase();
  }
  return (
    left.scheme === right.scheme &&
    sameEscaped(left.user, right.user) &&
    sameEscaped(left.password, right.password) &&
    left.host.toLowerCase() === right.host.toLowerCase() &&
    left.port === right.port &&
    sameParameters(left.parameters, right.parameters) &&
    sameHeaders(left.headers, right.headers)
  );
}

function parseSipUri(scheme: 'sip' | 'sips', text: string, start: number): Result<SipUri, ParseError> {
  const at = userInfoEnd(text, start);
  const hostStart = at < 0 ? start : at + 1;
  let user: string | undefined;
  let password: string | undefined;
  if (at >= 0) {
    const colon = text.indexOf(':', start);
    user = text.slice(start, colon >= 0 && colon < at ? colon : at);
    password = colon >= 0 && colon < at ? text.slice(colon + 1, at) : undefined;
    if (!USER.test(user)) {
      return fault('bad-uri-user', start, SECTION);
    }
    if (password !== undefined && !PASSWORD.test(password)) {
      return fault('bad-uri-password', colon + 1, SECTION);
    }
  }
  const question = indexOrEnd(text, '?', hostStart);
  const semicolon = Math.min(question, indexOrEnd(text, ';', hostStart));
  const hostPort = parseHostPort(text.slice(hostStart, semicolon));
  if (hostPort === undefined) {
    return fault('bad-uri-host', hostStart, SECTION);
  }
  const parameters = parseUriParameters(text.slice(semicolon, question));
  if (parameters === undefined) {
    return fault('bad-uri-parameter', semicolon, SECTION);
  }
  const headers = question === text.length ? undefined : text.slice(question + 1);
  if (headers !== undefined && !URI_HEADERS.test(headers)) {
    return fault('bad-uri-headers', question, SECTION);
  }
  return ok({ kind: 'sip', scheme, user, password, ...hostPort, parameters, headers });
}

/** The `@` that ends the user part. A user may hold `;` and `?` (RFC 4475 3.1.1.13), a host may hold neither. */
function userInfoEnd(text: string, start: number): number {
  const at = text.indexOf('@', start);
  // An '@' may also stand in a parameter or header of a URI without user: then what precedes it is no user part.
  return at < 0 || USER_INFO.test(text.slice(start, at)) || !/[;?]/.test(text.slice(start, at)) ? at : -1;
}
const USER_INFO = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/:]|%[0-9A-Fa-f]{2})+$/;

/** `host [":" port]` (RFC 3261 25.1), IPv6 in brackets; undefined when it is none. */
export function parseHostPort(text: string): { host: string; port: number | undefined } | undefined {
  let host: string;
  let rest: string;
  if (text.charCodeAt(0) === 0x5b) {
    const end = text.indexOf(']');
    host = text.slice(1, end);
    rest = text.slice(end + 1);
    if (end < 0 || parseIpv6(host) === undefined) {
      return undefined;
    }
  } else {
    const colon = text.indexOf(':');
    host = colon < 0 ? text : text.slice(0, colon).trimEnd();
    rest = colon < 0 ? '' : text.slice(colon);
    if (!HOSTNAME.test(host) && parseIpv4(host) === undefined) {
      return undefined;
    }
  }
  if (rest === '') {
    return { host, port: undefined };
  }
  const port = parseDecimal(rest.slice(1).trim(), 65535);
  return rest.trimStart().startsWith(':') && port !== undefined ? { host, port } : undefined;
}

function parseUriParameters(text: string): Parameters | undefined {
  if (text === '') {
    return Parameters.none;
  }
  const entries: [string, string | undefined][] = [];
  for (const parameter of text.slice(1).split(';')) {
    const equals = parameter.indexOf('=');
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    const value = equals < 0 ? undefined : parameter.slice(equals + 1);
    if (!URI_PARAMETER.test(name) || (value !== undefined && !URI_PARAMETER.test(value)) || entries.length === 64) {
      return undefined;
    }
    entries.push([name, value]);
  }
  return new Parameters(entries);
}

function parseTelUri(text: string, start: number): Result<TelUri, ParseError> {
  const semicolon = indexOrEnd(text, ';', start);
  const number = text.slice(start, semicolon);
  const parameters = parseUriParameters(text.slice(semicolon));
  if (!/^\+?[0-9A-Fa-f*#\-.()]+$/.test(number) || parameters === undefined) {
    return fault('bad-tel-uri', start, 'RFC 3966 3');
  }
  return ok({ kind: 'tel', number, parameters });
}

function sameEscaped(left: string | undefined, right: string | undefined): boolean {
  return left === right || (left !== undefined && right !== undefined && unescapeUri(left) === unescapeUri(right));
}

function sameParameters(left: Parameters, right: Parameters): boolean {
  const covers = (a: Parameters, b: Parameters) =>
    a.entries().every(([name, value]) => {
      const other = b.get(name);
      return other === undefined
        ? !SIGNIFICANT_PARAMETERS.includes(name.toLowerCase())
        : unescapeUri(other).toLowerCase() === unescapeUri(value ?? '').toLowerCase();
    });
  return covers(left, right) && covers(right, left);
}

function sameHeaders(left: string | undefined, right: string | undefined): boolean {
  const normal = (text: string | undefined) => (text ?? '').split('&').map(unescapeUri).sort().join('&').toLowerCase();
  return left === right || normal(left) === normal(right);
}

function indexOrEnd(text: string, wanted: string, start: number): number {
  const index = text.indexOf(wanted, start);
  return index < 0 ? text.length : index;
}

/** A character as `%HH` of its UTF-8 bytes; half a surrogate pair has none and becomes U+FFFD. */
function encodeCharacter(character: string): string {
  return Array.from(
    new TextEncoder().encode(character),
    (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}
