/**
 * Who may ask. A page of another site in the operator's browser reaches loopback as well, so a loopback address alone
 * proves nothing: `Host` must be a name of ours (against DNS rebinding), what changes something must come from a page of
 * ours (`Origin`), and where a token is set nothing is told without it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

export interface AdmissionRules {
  readonly token: string | undefined;
  /** Names beside localhost and IP addresses, in lower case. */
  readonly hosts: readonly string[];
}

export interface Asking {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** `?token=` of a browser that has no cookie yet. */
  readonly queryToken: string | undefined;
}

export type Verdict =
  | { readonly kind: 'admitted'; readonly setCookie: boolean }
  | { readonly kind: 'refused'; readonly status: 401 | 403 | 421; readonly reason: string };

export const TOKEN_COOKIE = 'ims_launch_token';

/** They tell a word, and a prober has no token. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz']);

export function admit(asking: Asking, rules: AdmissionRules): Verdict {
  const host = nameOf(asking.host);
  if (host === undefined || !isOurName(host, rules)) {
    return {
      kind: 'refused',
      status: 421,
      reason: 'this name is not one of the dashboard’s: ask by IP address, or add the name to dashboard.hosts',
    };
  }
  const changes = asking.method !== 'GET' && asking.method !== 'HEAD';
  if (asking.origin !== undefined ? hostOfOrigin(asking.origin) !== asking.host?.toLowerCase() : changes) {
    return { kind: 'refused', status: 403, reason: 'only a page of the dashboard itself may ask for this' };
  }
  if (rules.token === undefined || OPEN_PATHS.has(asking.path)) {
    return { kind: 'admitted', setCookie: false };
  }
  if (isSame(bearerOf(asking.authorization), rules.token) || isSame(cookieOf(asking.cookie), rules.token)) {
    return { kind: 'admitted', setCookie: false };
  }
  return isSame(asking.queryToken, rules.token)
    ? { kind: 'admitted', setCookie: true }
    : { kind: 'refused', status: 401, reason: 'a token is asked for: dashboard.token of the configuration' };
}

function isOurName(host: string, { hosts }: AdmissionRules): boolean {
  return host === 'localhost' || isIP(host) !== 0 || hosts.some((name) => name.toLowerCase() === host);
}

/** Of a Host header: without port and brackets, in lower case. */
function nameOf(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::[0-9]{1,5})?$/.exec(host?.toLowerCase() ?? '');
  return match?.[1] ?? match?.[2];
}

function hostOfOrigin(origin: string): string | undefined {
  return /^https?:\/\/(.+)$/.exec(origin.toLowerCase())?.[1];
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1];
}

function cookieOf(cookie: string | undefined): string | undefined {
  const found = (cookie ?? '').split(/; */).find((pair) => pair.startsWith(`${TOKEN_COOKIE}=`));
  return found?.slice(TOKEN_COOKIE.length + 1);
}

/** In constant time, whatever the lengths. A cookie holds the digest only. */
function isSame(given: string | undefined, token: string): boolean {
  if (given === undefined) {
    return false;
  }
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token)) || timingSafeEqual(digest(given), digest(cookieValue(token)));
}

/** What the browser keeps in place of the token. */
export function cookieValue(token: string): string {
  return createHash('sha256').update(`ims-launch dashboard ${token}`).digest('hex');
}
