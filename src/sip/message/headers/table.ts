/** Every header that the codec knows something about: its compact form, whether values share a line, how it parses. */
import { authorization, proxyAuthorization } from './authorization.ts';
import { callId } from './call-id.ts';
import { contact } from './contact.ts';
import { contentLength } from './content-length.ts';
import { cseq } from './cseq.ts';
import { expires } from './expires.ts';
import { type HeaderTraits, listField, textField } from './field.ts';
import { from } from './from.ts';
import { maxForwards } from './max-forwards.ts';
import { minExpires } from './min-expires.ts';
import { minSe } from './min-se.ts';
import { path } from './path.ts';
import { recordRoute } from './record-route.ts';
import { replaces } from './replaces.ts';
import { retryAfter } from './retry-after.ts';
import { route } from './route.ts';
import { sessionExpires } from './session-expires.ts';
import { to } from './to.ts';
import { via } from './via.ts';
import { warning } from './warning.ts';
import { proxyAuthenticate, wwwAuthenticate } from './www-authenticate.ts';

export const HEADER_FIELDS: readonly HeaderTraits[] = [
  // Parsed by a file of their own.
  via,
  from,
  to,
  callId,
  cseq,
  contact,
  route,
  recordRoute,
  maxForwards,
  contentLength,
  expires,
  minExpires,
  minSe,
  path,
  replaces,
  retryAfter,
  sessionExpires,
  warning,
  authorization,
  proxyAuthorization,
  wwwAuthenticate,
  proxyAuthenticate,
  // Lists of words.
  listField('Accept'),
  listField('Accept-Contact', 'a'),
  listField('Accept-Encoding'),
  listField('Accept-Language'),
  listField('Alert-Info'),
  listField('Allow'),
  listField('Allow-Events', 'u'),
  listField('Call-Info'),
  listField('Content-Encoding', 'e'),
  listField('Content-Language'),
  listField('Diversion'),
  listField('Error-Info'),
  listField('History-Info'),
  listField('In-Reply-To'),
  listField('P-Asserted-Identity'),
  listField('P-Associated-URI'),
  listField('P-Preferred-Identity'),
  listField('Proxy-Require'),
  listField('Reason'),
  listField('Reject-Contact', 'j'),
  listField('Require'),
  listField('Security-Client'),
  listField('Security-Server'),
  listField('Security-Verify'),
  listField('Service-Route'),
  listField('Supported', 'k'),
  listField('Unsupported'),
  // One text; here for their compact forms (RFC 3261 7.3.3 and the IANA registry).
  textField('Content-Type', 'c'),
  textField('Event', 'o'),
  textField('Identity', 'y'),
  textField('Identity-Info', 'n'),
  textField('Refer-To', 'r'),
  textField('Referred-By', 'b'),
  textField('Request-Disposition', 'd'),
  textField('Subject', 's'),
];

/** Spelling → key. Holds the table's names as we and as lower-case writers spell them, and the compact forms. */
const KEYS = new Map<string, string>();
const LISTS = new Set<string>();
const SINGLES = new Set<string>();

for (const field of HEADER_FIELDS) {
  const key = field.name.toLowerCase();
  for (const spelling of [field.name, key]) {
    KEYS.set(spelling, key);
  }
  if (field.compact !== undefined) {
    KEYS.set(field.compact, key);
    KEYS.set(field.compact.toUpperCase(), key);
  }
  if (field.list) {
    LISTS.add(key);
  }
  if (field.single) {
    SINGLES.add(key);
  }
}

/** The key under which a field is found: its full name in lower case. */
export function canonicalKey(name: string): string {
  const known = KEYS.get(name);
  if (known !== undefined) {
    return known;
  }
  const lower = name.toLowerCase();
  return KEYS.get(lower) ?? lower;
}

export function isListHeader(key: string): boolean {
  return LISTS.has(key);
}

export function isSingleHeader(key: string): boolean {
  return SINGLES.has(key);
}
