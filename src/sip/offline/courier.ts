import type { B2bua } from '../b2bua/b2bua.ts';
import type { CallTarget } from '../b2bua/branch.ts';
import type { B2buaEffect } from '../b2bua/effects.ts';
import { formatMessage } from '../message/format.ts';
import { expires as expiresField } from '../message/headers/expires.ts';
import { cloneRequest, type SipRequest } from '../message/message.ts';
import { parseMessage } from '../message/parse.ts';
import { sameFlow } from '../transaction/flow.ts';
import type { KeptMessage, Mailboxes } from './mailboxes.ts';

/** What has become of a message: for the disk and the log. */
export interface MailEvent {
  /** `refused`: by its receiver's phone. `orphaned`: its receiver is no user any more. */
  readonly kind: 'kept' | 'delivered' | 'refused' | 'expired' | 'orphaned';
  readonly message: KeptMessage;
  /** What the phone said. */
  readonly status?: number;
}

export type CourierEffect = B2buaEffect | { readonly kind: 'mail'; readonly event: MailEvent };

export interface CourierHost {
  readonly b2bua: Pick<B2bua, 'sendRequest'>;
  readonly mailboxes: Mailboxes;
  /** Devices of a user. */
  readonly targetsOf: (now: number, aor: string) => readonly CallTarget[];
  readonly newId: () => string;
  /** The present, as a Date header spells it (RFC 3261 20.17). */
  readonly date: () => string;
}

/** A longer one is no text that somebody types. */
const MAX_BODY_BYTES = 8192;

/** "Is typing" says something about now only (RFC 3994). */
const FLEETING = /^application\/im-iscomposing\b/i;

/** How often what has waited too long is looked for. */
const SWEEP_MS = 60_000;

/** Nobody was reached; the phone may be there the next time. */
const UNREACHED: ReadonlySet<number> = new Set([408, 430, 480]);

export function isUnreached(status: number): boolean {
  return UNREACHED.has(status) || (status >= 500 && status < 600);
}

/**
 * Store and forward (RFC 3428 8): a text for a user whom nobody reaches is kept, and 202 says so. When he registers his
 * messages are sent one after the other; one that a phone refuses is gone, one that does not reach it waits on.
 */
export class Courier {
  readonly #host: CourierHost;
  /** Users whose next message can go. */
  readonly #ready = new Set<string>();
  /** Users whose message is on its way, and whether a device of theirs has registered since it left. */
  readonly #underWay = new Map<string, boolean>();
  #events: MailEvent[] = [];
  #sweepAt = 0;

  constructor(host: CourierHost) {
    this.#host = host;
  }

  /**
   * Takes a message for a user who was not reached. False: he gets none this way.
   * @param tried where it was sent to; a device that has registered meanwhile gets it now
   */
  keep(now: number, aor: string, request: SipRequest, tried: readonly CallTarget[]): boolean {
    const { mailboxes, targetsOf, newId, date } = this.#host;
    const { keepMs, perUser } = mailboxes.limits;
    const wantedMs = (request.headers.read(expiresField) ?? Number.POSITIVE_INFINITY) * 1000;
    const isFleeting = FLEETING.test(request.headers.get('Content-Type') ?? '') || wantedMs === 0;
    if (perUser === 0 || isFleeting || request.body.length > MAX_BODY_BYTES) {
      return false;
    }
    this.#sweep(now);
    const dated = cloneRequest(request);
    if (dated.headers.get('Date') === undefined) {
      dated.headers.append('Date', date());
    }
    const message = { id: newId(), aor, bytes: formatMessage(dated), expiresAt: now + Math.min(keepMs, wantedMs) };
    const isKept = mailboxes.put(message);
    if (isKept) {
      this.#events.push({ kind: 'kept', message });
      const isNew = ({ uri, flow }: CallTarget): boolean =>
        !tried.some((each) => each.uri === uri && sameFlow(each.flow, flow));
      if (targetsOf(now, aor).some(isNew)) {
        this.handleRegistered(aor);
      }
    }
    return isKept;
  }

  /** The user has registered a device, or said that it is still there. */
  handleRegistered(aor: string): void {
    if (this.#underWay.has(aor)) {
      this.#underWay.set(aor, true);
    } else {
      this.#ready.add(aor);
    }
  }

  /** Some are users no more. Whoever gets the name of one later gets none of his texts. */
  retain(isUser: (aor: string) => boolean): void {
    const { mailboxes } = this.#host;
    for (const message of [...mailboxes.all()].filter(({ aor }) => !isUser(aor))) {
      mailboxes.remove(message);
      this.#events.push({ kind: 'orphaned', message });
    }
  }

  /** What is to be sent and told now. To be asked after everything that this server was told. */
  run(now: number): CourierEffect[] {
    const sent: CourierEffect[] = [];
    for (const aor of [...this.#ready]) {
      this.#ready.delete(aor);
      sent.push(...this.#sendNext(now, aor));
    }
    const events = this.#events.map((event) => ({ kind: 'mail', event }) as const);
    this.#events = [];
    return [...events, ...sent];
  }

  #sendNext(now: number, aor: string): CourierEffect[] {
    const { mailboxes, targetsOf, b2bua } = this.#host;
    this.#sweep(now);
    for (let message = mailboxes.first(aor); message !== undefined; message = mailboxes.first(aor)) {
      const parsed = parseMessage(message.bytes);
      if (message.expiresAt > now && parsed.ok && parsed.value.kind === 'request') {
        const targets = targetsOf(now, aor);
        if (targets.length === 0) {
          return [];
        }
        const { value: request } = parsed;
        const sent = message;
        this.#underWay.set(aor, false);
        return b2bua.sendRequest(now, request, targets, (status) => this.#handleOutcome(sent, status));
      }
      mailboxes.remove(message);
      this.#events.push({ kind: 'expired', message });
    }
    return [];
  }

  #handleOutcome(message: KeptMessage, status: number): void {
    const { aor } = message;
    const hasRegistered = this.#underWay.get(aor) === true;
    this.#underWay.delete(aor);
    if (!isUnreached(status)) {
      if (this.#host.mailboxes.remove(message)) {
        this.#events.push({ kind: status < 300 ? 'delivered' : 'refused', message, status });
      }
      this.#ready.add(aor);
    } else if (hasRegistered) {
      this.#ready.add(aor);
    }
  }

  #sweep(now: number): void {
    if (now >= this.#sweepAt) {
      this.#sweepAt = now + SWEEP_MS;
      this.#events.push(...this.#host.mailboxes.expire(now).map((message) => ({ kind: 'expired', message }) as const));
    }
  }
}
