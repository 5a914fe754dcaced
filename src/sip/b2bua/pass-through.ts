/** Which header fields cross the B2BUA. The rule is "all of them"; this is the list of exceptions. */

import { canonicalKey } from '../message/headers/table.ts';
import type { Headers } from '../message/headers.ts';

/**
 * Belong to one leg: its path, its dialog, its transaction, its framing, its session timer. Each leg gets its own. `user-agent` and
 * `server` name the peer's software, which is nobody's business behind a border (RFC 5853 3.1).
 */
const OF_ONE_LEG = new Set([
  'via',
  'from',
  'to',
  'call-id',
  'cseq',
  'contact',
  'max-forwards',
  'route',
  'record-route',
  'path',
  'service-route',
  'content-length',
  'proxy-require',
  'timestamp',
  'rack',
  'session-expires',
  'min-se',
  'user-agent',
  'server',
]);

/** Copies what crosses, in order and as it was spelled. */
export function passHeaders(from: Headers, onto: Headers, except: ReadonlySet<string> = OF_ONE_LEG): Headers {
  for (const [name, value] of from.entries()) {
    if (!except.has(canonicalKey(name))) {
      onto.append(name, value);
    }
  }
  return onto;
}

/** As `passHeaders`, with Contact: in a redirection it names the places to try (RFC 3261 8.3), not a dialog's peer. */
export function passRedirection(from: Headers, onto: Headers): Headers {
  const withContact = new Set(OF_ONE_LEG);
  withContact.delete('contact');
  return passHeaders(from, onto, withContact);
}

/** What says something about a body. */
const OF_THE_BODY = ['Content-Type', 'Content-Disposition', 'Content-Encoding', 'Content-Language'];

/** What says something about a body that is passed on by itself. */
export function passBodyHeaders(from: Headers, onto: Headers): void {
  for (const name of OF_THE_BODY) {
    for (const value of from.getAll(name)) {
      onto.append(name, value);
    }
  }
}

export function removeBodyHeaders(headers: Headers): void {
  for (const name of OF_THE_BODY) {
    headers.remove(name);
  }
}
