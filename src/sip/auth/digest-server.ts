import { createHmac, timingSafeEqual } from 'node:crypto';
import { authorization, type DigestCredentials, proxyAuthorization } from '../message/headers/authorization.ts';
import { proxyAuthenticate, wwwAuthenticate } from '../message/headers/www-authenticate.ts';
import type { Headers } from '../message/headers.ts';
import type { SipRequest } from '../message/message.ts';
import { parseUri, unescapeUri } from '../message/uri.ts';
import { type DigestAlgorithm, digestAlgorithm, digestResponse, hashSecret } from './digest.ts';
import { NonceIssuer } from './nonce.ts';
import { NonceCounts } from './nonce-count.ts';

export interface DigestServerOptions {
  readonly realm: string;
  /** Key of the nonces: random bytes made at start. */
  readonly secret: Uint8Array;
  /**
   * Offered and accepted, the most wanted first (RFC 8760 2.4). MD5 alone by default: common phones refuse to register
   * when they meet SHA-256.
   */
  readonly algorithms?: readonly DigestAlgorithm[];
  readonly nonceLifetimeMs?: number;
  /** Nonces whose counts are remembered. */
  readonly maxNonces?: number;
}

/** What the server knows of a user: the password, or H(A1) by algorithm in its place. */
export type UserSecret =
  | { readonly password: string }
  | { readonly ha1: Readonly<Partial<Record<DigestAlgorithm, string>>> };

export interface DigestCheck {
  /** `proxy`: Proxy-Authorization and 407, for calls; `registrar`: Authorization and 401 (RFC 3261 22.1, 22.3). */
  readonly role: DigestRole;
  readonly lookup: (username: string) => UserSecret | undefined;
  /** Whether that user may speak for the AOR of the request (its From, or its To in a REGISTER). Default: yes. */
  readonly owns?: (username: string) => boolean;
  /** Address of who asks. */
  readonly source?: string;
}

export type DigestRole = 'proxy' | 'registrar';

export type DigestOutcome =
  | { readonly kind: 'accepted'; readonly username: string }
  /** Answer 401 or 407 with `challenge(now, role, stale)`. */
  | { readonly kind: 'challenge'; readonly stale: boolean; readonly reason: 'none' | 'malformed' | 'stale' | 'replay' }
  /**
   * The user does not exist or the password is wrong, nobody can tell which. Answer like a challenge that is not stale;
   * worth counting by source when it is `proven` that the source was given the challenge, and no address is forged.
   */
  | { readonly kind: 'rejected'; readonly username: string; readonly proven: boolean }
  /** The right password of another user than the AOR's: answer 403. */
  | { readonly kind: 'not-owner'; readonly username: string };

/** Stands in for the H(A1) of users that do not exist, so that they cost the same time. */
const NOBODY = 'f'.repeat(32);

/** The server's side of digest authentication (RFC 3261 22, RFC 7616, RFC 8760). Keeps no state per challenge. */
export class DigestServer {
  readonly #realm: string;
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #secret: Uint8Array;
  readonly #nonces: NonceIssuer;
  readonly #counts: NonceCounts;

  constructor(options: DigestServerOptions) {
    this.#realm = options.realm;
    this.#algorithms = options.algorithms ?? ['MD5'];
    this.#secret = options.secret;
    this.#nonces = new NonceIssuer({
      secret: options.secret,
      realm: options.realm,
      lifetimeMs: options.nonceLifetimeMs ?? 300_000,
    });
    this.#counts = new NonceCounts(options.maxNonces ?? 20_000);
  }

  /** The header fields of a 401 or 407: one challenge an algorithm. */
  challenge(now: number, role: DigestRole, stale = false, source = ''): [name: string, value: string][] {
    const header = role === 'proxy' ? proxyAuthenticate : wwwAuthenticate;
    const nonce = this.#nonces.issue(now, source);
    return this.#algorithms.map((algorithm) => [
      header.name,
      header.format({ realm: this.#realm, nonce, opaque: undefined, stale, algorithm, qop: ['auth'] }),
    ]);
  }

  /**
   * The To tag of a refusal that keeps no transaction: the same for the request again, and nobody else can make it
   * (RFC 3261 8.2.7).
   */
  statelessTag({ headers }: SipRequest): string {
    const hmac = createHmac('sha256', this.#secret).update('to-tag');
    for (const name of ['Via', 'From', 'Call-ID', 'CSeq']) {
      const value = headers.get(name) ?? '';
      hmac.update(`\n${value.length}:${value}`);
    }
    return hmac.digest('hex').slice(0, 20);
  }

  verify(now: number, request: SipRequest, check: DigestCheck): DigestOutcome {
    const found = this.#credentialsOf(request, check.role);
    if (typeof found === 'string') {
      return { kind: 'challenge', stale: false, reason: found };
    }
    const algorithm = digestAlgorithm(found.algorithm);
    if (algorithm === undefined || !this.#algorithms.includes(algorithm) || !isSound(found, request)) {
      return { kind: 'challenge', stale: false, reason: 'malformed' };
    }
    const { username } = found;
    const nonce = this.#nonces.check(now, found.nonce, check.source);
    if (!this.#isRight(found, algorithm, request.method, check.lookup(username))) {
      return { kind: 'rejected', username, proven: nonce.kind === 'fresh' && nonce.sameSource };
    }
    // Only who knows the password is told that merely the nonce was wrong (RFC 7616 3.3 "stale").
    if (nonce.kind !== 'fresh') {
      return { kind: 'challenge', stale: true, reason: 'stale' };
    }
    // Without qop there is no count: then the same response is good for one request.
    const [key, count] = found.qop
      ? [found.nonce, Number.parseInt(found.nc ?? '', 16)]
      : [`${found.nonce} ${found.response}`, 1];
    if (!this.#counts.accept(key, nonce.sequence, count)) {
      return { kind: 'challenge', stale: true, reason: 'replay' };
    }
    return check.owns?.(username) === false ? { kind: 'not-owner', username } : { kind: 'accepted', username };
  }

  /**
   * Takes out the credentials for our realm, whoever reads the request next has no use for them; those for others pass
   * (RFC 3261 22.3). What is too malformed to name its realm is taken out as well.
   */
  removeOwnCredentials(headers: Headers): void {
    for (const field of [authorization, proxyAuthorization]) {
      const lines = headers.getLines(field.name);
      headers.remove(field.name);
      for (const line of lines) {
        const parsed = field.parse(line);
        const isForOthers = parsed.ok ? parsed.value.realm !== this.#realm : !/^\s*digest\b/i.test(line);
        if (isForOthers) {
          headers.append(field.name, line);
        }
      }
    }
  }

  /** The credentials for our realm; a request may carry others for proxies on its way (RFC 3261 22.3). */
  #credentialsOf(request: SipRequest, role: DigestRole): DigestCredentials | 'none' | 'malformed' {
    const header = role === 'proxy' ? proxyAuthorization : authorization;
    let malformed = false;
    for (const text of request.headers.getLines(header.name)) {
      const parsed = header.parse(text);
      if (parsed.ok && parsed.value.realm === this.#realm) {
        return parsed.value;
      }
      malformed ||= !parsed.ok;
    }
    return malformed ? 'malformed' : 'none';
  }

  #isRight(
    credentials: DigestCredentials,
    algorithm: DigestAlgorithm,
    method: string,
    secret: UserSecret | undefined,
  ): boolean {
    const { username, nonce, uri, nc, cnonce } = credentials;
    const password = secret !== undefined && 'password' in secret ? secret.password : '';
    const hashed = hashSecret(algorithm, username, this.#realm, password);
    const known = secret === undefined ? undefined : 'ha1' in secret ? secret.ha1[algorithm] : hashed;
    const qop = credentials.qop === undefined ? undefined : 'auth';
    const expected = digestResponse({ algorithm, ha1: known ?? NOBODY, nonce, method, uri, qop, nc, cnonce });
    const same =
      expected.length === credentials.response.length &&
      timingSafeEqual(Buffer.from(expected), Buffer.from(credentials.response));
    return known !== undefined && same;
  }
}

/** `auth` with its count and cnonce, or no qop at all; a uri that may be that of the request. */
function isSound(credentials: DigestCredentials, request: SipRequest): boolean {
  const qopSound =
    credentials.qop === undefined ||
    (credentials.qop.toLowerCase() === 'auth' && credentials.nc !== undefined && credentials.cnonce !== undefined);
  return qopSound && sameTarget(credentials.uri, request.uri);
}

/**
 * Proxies rewrite the Request-URI and some clients leave out the user, so that hosts and parameters say little; two
 * different users are a different request (RFC 7616 3.4.6).
 */
function sameTarget(digestUri: string, requestUri: string): boolean {
  const left = parseUri(digestUri);
  const right = parseUri(requestUri);
  if (!left.ok || !right.ok) {
    return digestUri === requestUri;
  }
  if (left.value.kind !== 'sip' || right.value.kind !== 'sip') {
    return left.value.kind === right.value.kind;
  }
  const [a, b] = [left.value.user, right.value.user];
  return a === undefined || b === undefined || unescapeUri(a) === unescapeUri(b);
}
