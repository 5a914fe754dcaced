/** What an operator writes for a user: the password, or H(A1) in its place, so that no file holds the password. */
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from './digest.ts';
import type { UserSecret } from './digest-server.ts';

const MARK = 'ha1:';
const HEX_DIGITS = { md5: 32, sha256: 64, 'sha512-256': 64 } as const;

/**
 * `ha1:MD5:5f4dcc…` is H(user:realm:password) in hexadecimal (RFC 7616 3.4.2); several of them, for several algorithms,
 * stand side by side with a blank between. Anything else is a password. Undefined: it begins like the one, and is not.
 */
export function parseUserSecret(text: string): UserSecret | undefined {
  if (!text.startsWith(MARK)) {
    return { password: text };
  }
  const ha1: Partial<Record<DigestAlgorithm, string>> = {};
  for (const part of text.trim().split(/\s+/)) {
    const [mark, name, digits = '', ...rest] = part.split(':');
    const algorithm = (Object.keys(DIGEST_ALGORITHMS) as DigestAlgorithm[]).find((known) => known === name);
    if (mark !== 'ha1' || algorithm === undefined || DIGEST_ALGORITHMS[algorithm].session || rest.length > 0) {
      return undefined;
    }
    if (digits.length !== HEX_DIGITS[DIGEST_ALGORITHMS[algorithm].hash] || !/^[0-9a-f]+$/i.test(digits)) {
      return undefined;
    }
    ha1[algorithm] = digits.toLowerCase();
  }
  return { ha1 };
}
