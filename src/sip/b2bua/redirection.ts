/** A phone that sends its caller elsewhere: 300, 301 and 302 (RFC 3261 8.1.3.4, 16.7 step 4, 21.3). */
import { contact as contactField, contactQ } from '../message/headers/contact.ts';
import type { SipResponse } from '../message/message.ts';
import { formatFlow } from '../transaction/flow.ts';
import type { CallTarget } from './branch.ts';

/** Where a URI leads that somebody was sent to; empty: to nobody whom the caller could have called. */
export type Redirection = (now: number, uri: string) => readonly CallTarget[];

/** Targets of one call that were not its own at first: a chain of phones may be long, and a response may name many. */
const MAX_TARGETS = 10;

/** What one call has rung, so that phones that send it in a circle are each rung once. */
export class RedirectedTargets {
  readonly #redirection: Redirection | undefined;
  readonly #known: Set<string>;
  #left = MAX_TARGETS;

  /** @param redirection undefined: responses that redirect are failures like others */
  constructor(targets: readonly CallTarget[], redirection: Redirection | undefined) {
    this.#redirection = redirection;
    this.#known = new Set(targets.map(nameOf));
  }

  /** Whom to ring in place of who answered so, the most wanted first; empty: it is a failure. */
  take(now: number, { status, headers }: SipResponse): CallTarget[] {
    const contacts = headers.readAll(contactField);
    if (this.#redirection === undefined || status < 300 || status > 302 || !contacts.ok) {
      return [];
    }
    const addresses = contacts.value.filter((contact) => contact !== '*');
    const taken: CallTarget[] = [];
    for (const { uri } of addresses.sort((a, b) => contactQ(b) - contactQ(a))) {
      for (const target of this.#left > 0 ? this.#redirection(now, uri) : []) {
        if (this.#left > 0 && !this.#known.has(nameOf(target))) {
          this.#known.add(nameOf(target));
          this.#left--;
          taken.push(target);
        }
      }
    }
    return taken;
  }
}

/** Two phones behind NATs may have the same address there. */
function nameOf({ uri, flow }: CallTarget): string {
  return `${uri} ${formatFlow(flow)}`;
}
