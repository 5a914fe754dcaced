import { ok, type ParseError, type Result } from '../../../wire/result.ts';
import { fault } from '../grammar.ts';
import { formatAuthParameters, parseAuthParameters } from './auth-parameters.ts';
import type { HeaderField } from './field.ts';

/** A Digest challenge (RFC 3261 20.44, 20.27; RFC 7616 3.3). Another scheme than Digest is a ParseError. */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** The credentials were right, only the nonce was too old. */
  readonly stale: boolean;
  /** As it came; undefined means MD5. */
  readonly algorithm: string | undefined;
  /** `auth`, `auth-int`; empty when the server offers none. */
  readonly qop: readonly string[];
}

const SECTION = 'RFC 7616 3.3';

function challengeField(name: string): HeaderField<DigestChallenge> {
  return { name, list: false, single: false, parse: parseChallenge, format: formatChallenge };
}

/** RFC 3261 20.44, in a 401. One challenge a field line: several lines offer several algorithms, the best first. */
export const wwwAuthenticate = challengeField('WWW-Authenticate');
/** RFC 3261 20.27, in a 407. */
export const proxyAuthenticate = challengeField('Proxy-Authenticate');

function parseChallenge(text: string): Result<DigestChallenge, ParseError> {
  const parsed = parseAuthParameters(text, SECTION);
  if (!parsed.ok) {
    return parsed;
  }
  const { scheme, parameters } = parsed.value;
  const realm = parameters.get('realm');
  const nonce = parameters.get('nonce');
  if (scheme.toLowerCase() !== 'digest') {
    return fault('unknown-auth-scheme', 0, SECTION);
  }
  if (realm === undefined || nonce === undefined) {
    return fault('incomplete-challenge', 0, SECTION);
  }
  return ok({
    realm,
    nonce,
    opaque: parameters.get('opaque'),
    stale: parameters.get('stale')?.toLowerCase() === 'true',
    algorithm: parameters.get('algorithm'),
    qop: (parameters.get('qop') ?? '').split(',').flatMap((word) => word.trim().toLowerCase() || []),
  });
}

function formatChallenge(value: DigestChallenge): string {
  return formatAuthParameters(
    'Digest',
    [
      ['realm', value.realm],
      ['nonce', value.nonce],
      ['opaque', value.opaque],
      ['stale', value.stale ? 'true' : undefined],
      ['algorithm', value.algorithm],
      ['qop', value.qop.length === 0 ? undefined : value.qop.join(',')],
    ],
    ['stale', 'algorithm'],
  );
}
