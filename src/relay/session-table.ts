import { isProbeCallId } from '../rtpp/probe-call-id.ts';
import type { SessionId } from './plane.ts';
import type { Found, Session } from './session.ts';

/** Whether a session tag is the one that a D, R or N names: equal, or equal but for a `;N` at its end. */
function matchesLoosely(sessionTag: string, tag: string): boolean {
  return sessionTag === tag || sessionTag.startsWith(`${tag};`);
}

/** A session found by D, R or N. */
export interface LooseMatch extends Found {
  /** The tag is equal, not merely equal but for its `;N`. */
  readonly exact: boolean;
}

/** Sessions by call id, oldest first: a call has one for each of its media streams. */
export class SessionTable {
  readonly #byCallId = new Map<string, Session[]>();
  readonly #byId = new Map<SessionId, Session>();
  #probes = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** Without those that only try the relay out. */
  get callCount(): number {
    return this.#byId.size - this.#probes;
  }

  values(): IterableIterator<Session> {
    return this.#byId.values();
  }

  byId(id: SessionId): Session | undefined {
    return this.#byId.get(id);
  }

  add(session: Session): void {
    this.#byId.set(session.id, session);
    this.#probes += Number(isProbeCallId(session.callId));
    const sessions = this.#byCallId.get(session.callId);
    if (sessions === undefined) {
      this.#byCallId.set(session.callId, [session]);
    } else {
      sessions.push(session);
    }
  }

  /** False: it was not there. */
  remove(session: Session): boolean {
    if (!this.#byId.delete(session.id)) {
      return false;
    }
    this.#probes -= Number(isProbeCallId(session.callId));
    const rest = (this.#byCallId.get(session.callId) ?? []).filter((other) => other !== session);
    if (rest.length === 0) {
      this.#byCallId.delete(session.callId);
    } else {
      this.#byCallId.set(session.callId, rest);
    }
    return true;
  }

  /**
   * The oldest session that a tag of the command made: its from tag (index 0) or its to tag (index 1). The to tag
   * is never checked when the from tag matches. Kamailio's statistics query has the `;N` on its from tag only.
   */
  find(callId: string, fromTag: string, toTag: string | undefined): Found | undefined {
    const suffix = /;[0-9]+$/.exec(fromTag)?.[0];
    for (const session of this.#byCallId.get(callId) ?? []) {
      if (session.fromTag === fromTag) {
        return { session, index: 0 };
      }
      const byTo = toTag !== undefined && session.fromTag === toTag;
      const bySuffix = toTag !== undefined && suffix !== undefined && session.fromTag === `${toTag}${suffix}`;
      if (byTo || bySuffix) {
        return { session, index: 1 };
      }
    }
    return undefined;
  }

  /** All sessions that D, R and N mean, oldest first: both tags without `;N` name every stream of a call. */
  findLoosely(callId: string, fromTag: string, toTag: string | undefined): LooseMatch[] {
    const matches: LooseMatch[] = [];
    for (const session of this.#byCallId.get(callId) ?? []) {
      if (matchesLoosely(session.fromTag, fromTag)) {
        matches.push({ session, index: 0, exact: session.fromTag === fromTag });
      } else if (toTag !== undefined && matchesLoosely(session.fromTag, toTag)) {
        matches.push({ session, index: 1, exact: session.fromTag === toTag });
      }
    }
    return matches;
  }
}
