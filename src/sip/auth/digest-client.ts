import { authorization, proxyAuthorization } from '../message/headers/authorization.ts';
import { type DigestChallenge, proxyAuthenticate, wwwAuthenticate } from '../message/headers/www-authenticate.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import { digestAlgorithm, digestResponse, hashSecret } from './digest.ts';

export interface DigestAnswer {
  readonly username: string;
  readonly password: string;
  /** A fresh random token. */
  readonly cnonce: string;
  /** How often this nonce has been used, counted from 1. */
  readonly nonceCount?: number;
}

/**
 * The header field that answers a 401 or 407 (RFC 3261 22.2, 22.3): for the first challenge whose algorithm is known,
 * since the server lists the best one first (RFC 8760 2.4). Undefined: there is none that we can answer.
 */
export function answerChallenge(
  response: SipResponse,
  request: Pick<SipRequest, 'method' | 'uri'>,
  answer: DigestAnswer,
): [name: string, value: string] | undefined {
  const isProxy = response.status === 407;
  const challengeHeader = isProxy ? proxyAuthenticate : wwwAuthenticate;
  const answerHeader = isProxy ? proxyAuthorization : authorization;
  for (const text of response.headers.getLines(challengeHeader.name)) {
    const challenge = challengeHeader.parse(text);
    if (challenge.ok && canAnswer(challenge.value)) {
      return [answerHeader.name, answerHeader.format(credentialsFor(challenge.value, request, answer))];
    }
  }
  return undefined;
}

function canAnswer(challenge: DigestChallenge): boolean {
  return (
    digestAlgorithm(challenge.algorithm) !== undefined && (challenge.qop.length === 0 || challenge.qop.includes('auth'))
  );
}

function credentialsFor(
  challenge: DigestChallenge,
  { method, uri }: Pick<SipRequest, 'method' | 'uri'>,
  { username, password, cnonce, nonceCount = 1 }: DigestAnswer,
) {
  const { realm, nonce, opaque } = challenge;
  const algorithm = digestAlgorithm(challenge.algorithm) ?? 'MD5';
  const ha1 = hashSecret(algorithm, username, realm, password);
  const counted = challenge.qop.includes('auth');
  const qop = counted ? ('auth' as const) : undefined;
  const nc = counted ? nonceCount.toString(16).padStart(8, '0') : undefined;
  const sentCnonce = counted || algorithm.endsWith('-sess') ? cnonce : undefined;
  const response = digestResponse({ algorithm, ha1, nonce, method, uri, qop, nc, cnonce: sentCnonce });
  return {
    username,
    realm,
    nonce,
    uri,
    response,
    algorithm: challenge.algorithm,
    cnonce: sentCnonce,
    opaque,
    qop,
    nc,
  };
}
