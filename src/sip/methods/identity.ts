/** Who says who somebody is (RFC 3325): only peers that are trusted to, and we ourselves. */
import type { Headers } from '../message/headers.ts';
import { escapeUser } from '../message/uri.ts';

/** What phones show, and gateways bill, as the one who calls, is called, or has diverted the call. */
const IDENTITY_HEADERS = [
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Remote-Party-ID',
  'Diversion',
  'History-Info',
] as const;

/** For each message of a sender who is not trusted, request or response (RFC 3325 5). */
export function removeIdentity(headers: Headers): void {
  for (const name of IDENTITY_HEADERS) {
    headers.remove(name);
  }
}

/** Who calls is what we have verified (RFC 3325 5), unless the caller wants it kept (RFC 3323 4.2). */
export function assertIdentity(headers: Headers, user: string, host: string): void {
  if (!wantsPrivacy(headers)) {
    headers.append('P-Asserted-Identity', `<sip:${escapeUser(user)}@${host}>`);
  }
}

/** What a trusted peer has told us alone is not told to those who are none (RFC 3325 7). */
export function withholdIdentity(headers: Headers): void {
  if (wantsPrivacy(headers)) {
    removeIdentity(headers);
  }
}

function wantsPrivacy(headers: Headers): boolean {
  const wishes = headers.getLines('Privacy').join(';').toLowerCase();
  return wishes.split(/[;,\s]+/).includes('id');
}
