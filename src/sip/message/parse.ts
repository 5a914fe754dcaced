/**
 * Bytes to message (RFC 3261 7 and 25). One pass finds the field lines; only the headers that every message must have
 * are parsed here. Strict where RFC 3261 lets a server answer 400, lenient in the rest; it never throws.
 */
import { err, ok, type ParseError, type Result } from '../../wire/result.ts';
import { isToken, parseDecimal } from './grammar.ts';
import { callId } from './headers/call-id.ts';
import { cseq } from './headers/cseq.ts';
import type { HeaderField } from './headers/field.ts';
import { from } from './headers/from.ts';
import { maxForwards } from './headers/max-forwards.ts';
import { isSingleHeader } from './headers/table.ts';
import { to } from './headers/to.ts';
import { via } from './headers/via.ts';
import { Headers } from './headers.ts';
import { EMPTY_BODY, type SipMessage, type SipRequest } from './message.ts';
import { parseUri } from './uri.ts';

/** The largest UDP datagram; a stream transport uses the same limit. */
export const MAX_MESSAGE_BYTES = 65_535;
/** Characters of one field with its folded lines. */
export const MAX_LINE_LENGTH = 8192;
export const MAX_HEADERS = 128;
export const MAX_VIAS = 70;

export interface SipParseError extends ParseError {
  /**
   * How to refuse a request that is understood well enough to be answered: the fields a response copies are there,
   * though perhaps malformed. Undefined: drop it. Never there for an ACK or a response.
   */
  readonly refusal?: { readonly status: 400 | 505; readonly request: SipRequest };
}

interface StartLine {
  readonly kind: 'request' | 'response';
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  readonly reason: string;
}

/** CRLF or CRLFCRLF alone (RFC 5626 3.5.1), also blanks and NULs, as NAT keep-alives send them. */
export function isKeepAlive(bytes: Uint8Array): boolean {
  return bytes.length <= 8 && bytes.every((byte) => byte === 0x0d || byte === 0x0a || byte === 0x20 || byte === 0);
}

/** Parses one whole message, as a datagram carries it. Bytes behind Content-Length are dropped (RFC 3261 18.3). */
export function parseMessage(bytes: Uint8Array): Result<SipMessage, SipParseError> {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    return refuse('too-long', MAX_MESSAGE_BYTES, 'RFC 3261 18.1.1');
  }
  const head = findHead(bytes);
  const text = decodeHead(bytes.subarray(head.start, head.end));
  const lineEnd = indexOrEnd(text, '\n', 0);
  const startLine = parseStartLine(
    text.charCodeAt(lineEnd - 1) === 0x0d ? text.slice(0, lineEnd - 1) : text.slice(0, lineEnd),
  );
  if (!startLine.ok) {
    return startLine.error.code === 'bad-request-line' || startLine.error.code === 'bad-version'
      ? refuseUnread(startLine.error, text, lineEnd + 1)
      : startLine;
  }
  const fields = parseFields(text, lineEnd + 1);
  const broken = fields.error ?? checkHeaders(startLine.value, fields.headers);
  const body = broken === undefined ? takeBody(bytes, head.bodyStart, fields.headers) : ok(EMPTY_BODY);
  const message = buildMessage(startLine.value, fields.headers, body.ok ? body.value : EMPTY_BODY);
  const error = broken ?? (body.ok ? undefined : body.error);
  if (error === undefined) {
    return ok(message);
  }
  return message.kind === 'request' ? err(withRefusal(error, message)) : err(error);
}

function buildMessage(start: StartLine, headers: Headers, body: Uint8Array): SipMessage {
  return start.kind === 'request'
    ? { kind: 'request', method: start.method, uri: start.uri, headers, body }
    : { kind: 'response', status: start.status, reason: start.reason, headers, body };
}

/* ---- lines ---------------------------------------------------------------------------------------------------- */

/** Where the head begins (empty lines before it are skipped, RFC 3261 7.5), where it ends, and where the body begins. */
function findHead(bytes: Uint8Array): { start: number; end: number; bodyStart: number } {
  let start = 0;
  while (start < bytes.length && (bytes[start] === 0x0d || bytes[start] === 0x0a)) {
    start++;
  }
  for (let at = bytes.indexOf(0x0a, start); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    const next = bytes[at + 1];
    if (next === 0x0a) {
      return { start, end: at + 1, bodyStart: at + 2 };
    }
    if (next === 0x0d && bytes[at + 2] === 0x0a) {
      return { start, end: at + 1, bodyStart: at + 3 };
    }
  }
  return { start, end: bytes.length, bodyStart: bytes.length };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder('latin1');

/** UTF-8 as RFC 3261 7 wants it; old phones that write ISO 8859-1 are understood, and passed on as UTF-8. */
function decodeHead(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}

/** Reads `name: value` lines. On a fault, what was read before it is still there, for the answer. */
function parseFields(text: string, start: number): { headers: Headers; error?: ParseError } {
  const headers = new Headers();
  let at = start;
  let vias = 0;
  while (at < text.length) {
    const end = fieldEnd(text, at);
    const error = checkField(text, at, end);
    if (error !== undefined) {
      return { headers, error };
    }
    const colon = text.indexOf(':', at);
    const name = text.slice(at, colon).trimEnd();
    const value = unfold(text.slice(colon + 1, end));
    if (value.includes('\r') || value.includes('\0')) {
      return { headers, error: problem('bad-character', at, 'RFC 3261 25.1') };
    }
    const key = headers.appendRaw(name, value);
    if (headers.size > MAX_HEADERS) {
      return { headers, error: problem('too-many-headers', at, 'RFC 3261 7.3') };
    }
    if (key === 'via') {
      vias += countCommas(text, colon, end) + 1;
      if (vias > MAX_VIAS) {
        return { headers, error: problem('too-many-vias', at, 'RFC 3261 20.42') };
      }
    }
    at = end + 1;
  }
  return { headers };
}

/** The newline that ends the field: a line that begins with a blank continues the one before (RFC 3261 7.3.1). */
function fieldEnd(text: string, start: number): number {
  let end = indexOrEnd(text, '\n', start);
  while (end + 1 < text.length && isBlank(text.charCodeAt(end + 1))) {
    end = indexOrEnd(text, '\n', end + 1);
  }
  return end;
}

function checkField(text: string, start: number, end: number): ParseError | undefined {
  if (end - start > MAX_LINE_LENGTH) {
    return problem('line-too-long', start, 'RFC 3261 7.3');
  }
  const colon = text.indexOf(':', start);
  if (colon < 0 || colon > end || !isToken(text.slice(start, colon).trimEnd())) {
    return problem('bad-header-line', start, 'RFC 3261 7.3.1');
  }
  return undefined;
}

/** Linear, as a regular expression over blanks would not be. */
function unfold(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes('\n')
    ? trimmed
        .split('\n')
        .map((line) => line.trim())
        .join(' ')
    : trimmed;
}

function countCommas(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf(',', start); at >= 0 && at < end; at = text.indexOf(',', at + 1)) {
    count++;
  }
  return count;
}

/* ---- start line ----------------------------------------------------------------------------------------------- */

/** Exactly one blank between the parts (RFC 3261 7.1); blanks at the end are forgiven (RFC 4475 3.1.2.10). */
function parseStartLine(line: string): Result<StartLine, SipParseError> {
  if (line.length > MAX_LINE_LENGTH) {
    return refuse('line-too-long', 0, 'RFC 3261 7.1');
  }
  if (/^SIP\//i.test(line)) {
    const match = /^SIP\/(\d+\.\d+) (\d{3,}) ?(.*)$/i.exec(line);
    const status = parseDecimal(match?.[2] ?? '', 699);
    if (match === null || match[1] !== '2.0' || status === undefined || status < 100) {
      return refuse('bad-status-line', 0, 'RFC 3261 7.2');
    }
    return ok({ kind: 'response', method: '', uri: '', status, reason: match[3] ?? '' });
  }
  const match = /^(\S+) (\S+) SIP\/(\d+\.\d+)\s*$/i.exec(line);
  if (match === null || !isToken(match[1] ?? '')) {
    return refuse(/\sSIP\/\d+\.\d+\s*$/i.test(line) ? 'bad-request-line' : 'not-sip', 0, 'RFC 3261 7.1');
  }
  if (match[3] !== '2.0') {
    return refuse('bad-version', 0, 'RFC 3261 7.1');
  }
  return ok({ kind: 'request', method: match[1] ?? '', uri: match[2] ?? '', status: 0, reason: '' });
}

/* ---- rules over the whole message ----------------------------------------------------------------------------- */

/** Headers that every message has (RFC 3261 8.1.1); Max-Forwards is missing from requests of RFC 2543. */
const MANDATORY: readonly HeaderField<unknown>[] = [via, from, to, callId, cseq] as readonly HeaderField<unknown>[];

function checkHeaders(start: StartLine, headers: Headers): ParseError | undefined {
  for (const field of MANDATORY) {
    const result = headers.parseFirst(field);
    if (result === undefined) {
      return problem(`no-${field.name.toLowerCase()}`, -1, 'RFC 3261 8.1.1');
    }
    if (!result.ok) {
      return result.error;
    }
  }
  const repeated = headers.firstRepeated(isSingleHeader);
  if (repeated !== undefined) {
    return problem(`repeated-${repeated}`, -1, 'RFC 3261 7.3.1');
  }
  if (start.kind === 'response') {
    return undefined;
  }
  if (headers.read(cseq)?.method !== start.method) {
    return problem('cseq-method-mismatch', -1, 'RFC 3261 8.1.1.5');
  }
  const hops = headers.parseFirst(maxForwards);
  if (hops?.ok === false) {
    return hops.error;
  }
  const uri = parseUri(start.uri);
  if (!uri.ok) {
    return uri.error;
  }
  return uri.value.kind === 'sip' && uri.value.headers !== undefined
    ? problem('request-uri-headers', -1, 'RFC 3261 19.1.5')
    : undefined;
}

/** The body by Content-Length, or the rest of the datagram without one (RFC 3261 18.3). */
function takeBody(bytes: Uint8Array, start: number, headers: Headers): Result<Uint8Array, ParseError> {
  const available = bytes.length - start;
  const declared = headers.get('Content-Length');
  if (declared === undefined) {
    return ok(available === 0 ? EMPTY_BODY : bytes.subarray(start));
  }
  const length = parseDecimal(declared, 0xffff_ffff);
  if (length === undefined) {
    return err(problem('bad-content-length', -1, 'RFC 3261 20.14'));
  }
  if (length > available) {
    return err(problem('body-too-short', start, 'RFC 3261 18.3'));
  }
  return ok(length === 0 ? EMPTY_BODY : bytes.subarray(start, start + length));
}

/* ---- refusals ------------------------------------------------------------------------------------------------- */

function problem(code: string, offset: number, section: string): ParseError {
  return { code, offset, section };
}

function refuse(code: string, offset: number, section: string): { readonly ok: false; readonly error: SipParseError } {
  return err(problem(code, offset, section));
}

/** A request whose start line cannot be read can still be answered when its header fields can. */
function refuseUnread(error: ParseError, text: string, fieldsStart: number): Result<never, SipParseError> {
  const method = /^\S+/.exec(text)?.[0] ?? '';
  const { headers } = parseFields(text, fieldsStart);
  return err(withRefusal(error, { kind: 'request', method, uri: '', headers, body: EMPTY_BODY }));
}

function withRefusal(error: ParseError, request: SipRequest): SipParseError {
  const { headers } = request;
  // A response without one of these five is of no use to anyone; a Via that cannot be read is copied, and the answer
  // goes to where the request came from.
  const answerable = request.method !== 'ACK' && MANDATORY.every((field) => headers.has(field.name));
  if (!answerable) {
    return error;
  }
  return { ...error, refusal: { status: error.code === 'bad-version' ? 505 : 400, request } };
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function indexOrEnd(text: string, wanted: string, start: number): number {
  const index = text.indexOf(wanted, start);
  return index < 0 ? text.length : index;
}
