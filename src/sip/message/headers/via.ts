import { formatHost } from '../../../wire/ip-address.ts';
import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { fault, isToken } from '../grammar.ts';
import { type Parameters, parseHeaderParameters } from '../parameters.ts';
import { parseHostPort } from '../uri.ts';
import type { HeaderField } from './field.ts';

/** One hop of a message's way (RFC 3261 20.42): `SIP/2.0/UDP pc33.example.com:5060;branch=z9hG4bK87a;rport`. */
export interface Via {
  /** `SIP/2.0`, as we write it; other versions are carried through, for the 505 to find its way. */
  readonly protocol: string;
  /** `UDP`, `TCP`, `TLS`, …, upper case. */
  readonly transport: string;
  /** Sent-by host; IPv6 without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly parameters: Parameters;
}

/** What a branch begins with when it is unique in space and time (RFC 3261 8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK';

const SECTION = 'RFC 3261 20.42';

export const via: HeaderField<Via> = { name: 'Via', compact: 'v', list: true, single: false, parse, format };

/** Where the branch makes a transaction key by itself: a branch that is the bare cookie does not (RFC 4475 3.2.1). */
export function hasMagicBranch(value: Via): boolean {
  const branch = value.parameters.get('branch');
  return branch?.startsWith(MAGIC_COOKIE) === true && branch.length > MAGIC_COOKIE.length;
}

function parse(text: string): Result<Via, ParseError> {
  const semicolon = text.indexOf(';');
  const head = semicolon < 0 ? text : text.slice(0, semicolon);
  // Blanks may stand around both slashes, and at least one before the sent-by.
  const match = /^\s*([^\s/]+)\s*\/\s*([^\s/]+)\s*\/\s*([^\s/]+)\s+(\S.*)$/.exec(head.trimEnd());
  const [, name = '', version = '', transport = '', where = ''] = match ?? [];
  if (!isToken(name) || !isToken(version) || !isToken(transport)) {
    return fault('bad-via', 0, SECTION);
  }
  const sentBy = parseHostPort(where);
  if (sentBy === undefined) {
    return fault('bad-via-sent-by', head.length - where.length, SECTION);
  }
  const parameters = parseHeaderParameters(semicolon < 0 ? '' : text.slice(semicolon), SECTION);
  if (!parameters.ok) {
    return parameters;
  }
  const protocol = `${name}/${version}`;
  return ok({ protocol, transport: transport.toUpperCase(), ...sentBy, parameters: parameters.value });
}

function format(value: Via): string {
  const port = value.port === undefined ? '' : `:${value.port}`;
  return `${value.protocol}/${value.transport} ${formatHost(value.host)}${port}${value.parameters}`;
}
