import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { fault } from '../grammar.ts';
import { formatAuthParameters, parseAuthParameters } from './auth-parameters.ts';
import type { HeaderField } from './field.ts';

/** The answer to a challenge (RFC 3261 20.7, 20.28; RFC 7616 3.4). Another scheme than Digest is a ParseError. */
export interface DigestCredentials {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  /** digest-uri: what the client believes to be the Request-URI. */
  readonly uri: string;
  /** Lower-case hexadecimal. */
  readonly response: string;
  /** As it came; undefined means MD5. */
  readonly algorithm: string | undefined;
  readonly cnonce: string | undefined;
  readonly opaque: string | undefined;
  /** Undefined for a client in the way of RFC 2069. */
  readonly qop: string | undefined;
  /** Nonce count: eight hexadecimal digits. */
  readonly nc: string | undefined;
}

const SECTION = 'RFC 7616 3.4';

function credentialsField(name: string): HeaderField<DigestCredentials> {
  return { name, list: false, single: false, parse: parseCredentials, format: formatCredentials };
}

/** RFC 3261 20.7: credentials for the server itself, after a 401. */
export const authorization = credentialsField('Authorization');
/** RFC 3261 20.28: credentials for a proxy, after a 407. */
export const proxyAuthorization = credentialsField('Proxy-Authorization');

function parseCredentials(text: string): Result<DigestCredentials, ParseError> {
  const parsed = parseAuthParameters(text, SECTION);
  if (!parsed.ok) {
    return parsed;
  }
  const { scheme, parameters } = parsed.value;
  if (scheme.toLowerCase() !== 'digest') {
    return fault('unknown-auth-scheme', 0, SECTION);
  }
  const username = parameters.get('username');
  const realm = parameters.get('realm');
  const nonce = parameters.get('nonce');
  const uri = parameters.get('uri');
  const response = parameters.get('response')?.toLowerCase();
  const nc = parameters.get('nc');
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined) {
    return fault('incomplete-credentials', 0, SECTION);
  }
  if (response === undefined || !/^[0-9a-f]{32,128}$/.test(response) || (nc && !/^[0-9a-fA-F]{8}$/.test(nc))) {
    return fault('bad-credentials', 0, SECTION);
  }
  return ok({
    username,
    realm,
    nonce,
    uri,
    response,
    nc,
    algorithm: parameters.get('algorithm'),
    cnonce: parameters.get('cnonce'),
    opaque: parameters.get('opaque'),
    qop: parameters.get('qop'),
  });
}

function formatCredentials(value: DigestCredentials): string {
  const names = [
    'username',
    'realm',
    'nonce',
    'uri',
    'response',
    'algorithm',
    'cnonce',
    'opaque',
    'qop',
    'nc',
  ] as const;
  return formatAuthParameters(
    'Digest',
    names.map((name) => [name, value[name]] as const),
    ['algorithm', 'qop', 'nc'],
  );
}
