/** The arithmetic of digest authentication (RFC 7616 3.4, RFC 8760), the same for both sides. */
import { createHash } from 'node:crypto';

export const DIGEST_ALGORITHMS = {
  MD5: { hash: 'md5', session: false },
  'MD5-sess': { hash: 'md5', session: true },
  'SHA-256': { hash: 'sha256', session: false },
  'SHA-256-sess': { hash: 'sha256', session: true },
  'SHA-512-256': { hash: 'sha512-256', session: false },
  'SHA-512-256-sess': { hash: 'sha512-256', session: true },
} as const;

export type DigestAlgorithm = keyof typeof DIGEST_ALGORITHMS;

/** What is hashed into a response. */
export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  /** H(username:realm:password), lower-case hexadecimal; see `hashSecret`. */
  readonly ha1: string;
  readonly nonce: string;
  readonly method: string;
  /** digest-uri as the client wrote it. */
  readonly uri: string;
  /** Undefined: in the way of RFC 2069, without `nc` and `cnonce`. */
  readonly qop: 'auth' | undefined;
  readonly nc: string | undefined;
  readonly cnonce: string | undefined;
}

/** The algorithm by its name, whatever its case; missing means MD5 (RFC 7616 3.3). Undefined: unknown. */
export function digestAlgorithm(name: string | undefined): DigestAlgorithm | undefined {
  if (name === undefined) {
    return 'MD5';
  }
  const upper = name.toUpperCase();
  return (Object.keys(DIGEST_ALGORITHMS) as DigestAlgorithm[]).find((known) => known.toUpperCase() === upper);
}

/** H(A1) without the session part: what may be stored in place of a password (RFC 7616 3.4.2). */
export function hashSecret(algorithm: DigestAlgorithm, username: string, realm: string, password: string): string {
  return hash(algorithm, `${username}:${realm}:${password}`);
}

/** The `response` parameter (RFC 7616 3.4.1), lower-case hexadecimal. */
export function digestResponse(input: DigestInput): string {
  const { algorithm, nonce, qop, nc = '', cnonce = '' } = input;
  const ha1 = DIGEST_ALGORITHMS[algorithm].session ? hash(algorithm, `${input.ha1}:${nonce}:${cnonce}`) : input.ha1;
  const ha2 = hash(algorithm, `${input.method}:${input.uri}`);
  return hash(
    algorithm,
    qop === undefined ? `${ha1}:${nonce}:${ha2}` : `${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`,
  );
}

function hash(algorithm: DigestAlgorithm, text: string): string {
  return createHash(DIGEST_ALGORITHMS[algorithm].hash).update(text).digest('hex');
}
