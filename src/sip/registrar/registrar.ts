import { DeadlineQueue } from '../../wire/deadline-queue.ts';
import { sameAddress } from '../../wire/ip-address.ts';
import { parseNameAddr } from '../message/headers/name-addr.ts';
import { equalUris, parseSipUriOrUndefined, type Uri } from '../message/uri.ts';
import { defaultPort, type Flow, formatFlow, isReliable, isWebSocket, sameFlow } from '../transaction/flow.ts';
import type { Binding, RegisterOutcome, RegisterRequest, RegistrarEvent, RequestedBinding } from './binding.ts';

export interface RegistrarOptions {
  readonly minExpiresSeconds: number;
  readonly maxExpiresSeconds: number;
  /** Devices of one user. */
  readonly maxBindingsPerAor: number;
  /** How often a phone with a flow of its own is to keep it alive (RFC 5626 4.4.1); 0 or none: as it likes. */
  readonly flowTimerSeconds?: number;
}

/** Granted when neither Contact nor Expires asks for a time, if the maximum allows (RFC 3261 10.3 step 6). */
const DEFAULT_EXPIRES_SECONDS = 3600;

/**
 * The location table of RFC 3261 10: AOR → bindings. A REGISTER is applied as a whole or not at all. The table
 * holds only AORs that its caller has authenticated, so the number of users bounds it.
 */
export class Registrar {
  #options: RegistrarOptions;
  readonly #bindings = new Map<string, Binding[]>();
  /** One deadline an AOR: its earliest expiry. */
  readonly #deadlines = new DeadlineQueue<string>();
  /** Who registered over a connection that is still there, by flow. */
  readonly #aorsOfFlow = new Map<string, Set<string>>();

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  /** Limits of the registrations from now on. */
  reconfigure(options: RegistrarOptions): void {
    this.#options = options;
  }

  /** Forgets the devices of users whom `isUser` does not know: they are users no more. */
  retain(isUser: (aor: string) => boolean): RegistrarEvent[] {
    const gone = [...this.#bindings].filter(([aor]) => !isUser(aor));
    for (const [aor] of gone) {
      this.#store(aor, []);
    }
    return gone.flatMap(([, bindings]) =>
      bindings.map((binding) => ({ kind: 'unregistered', binding, reason: 'removed' }) as const),
    );
  }

  /** Bindings of an earlier run, of users whom the caller knows; none: nothing is known of them. */
  restore(aor: string, bindings: readonly Binding[]): void {
    this.#store(aor, bindings.slice(0, this.#options.maxBindingsPerAor));
  }

  /** Everything that is kept of a user, in the order in which it came. */
  bindingsOf(aor: string): readonly Binding[] {
    return this.#bindings.get(aor) ?? [];
  }

  all(): Iterable<readonly [aor: string, bindings: readonly Binding[]]> {
    return this.#bindings;
  }

  get flowTimerSeconds(): number {
    return this.#options.flowTimerSeconds ?? 0;
  }

  /** Contacts that one request may have: every device a new address, every old one taken away. */
  get maxContacts(): number {
    return 2 * this.#options.maxBindingsPerAor;
  }

  /** AORs with at least one binding. */
  get size(): number {
    return this.#bindings.size;
  }

  /** The devices of a user, the most preferred first and, of equals, the one that registered last. */
  lookup(now: number, aor: string): readonly Binding[] {
    const live = (this.#bindings.get(aor) ?? []).filter((binding) => binding.expiresAt > now);
    return live.reverse().sort((a, b) => b.q - a.q);
  }

  register(now: number, request: RegisterRequest): RegisterOutcome {
    const current = (this.#bindings.get(request.aor) ?? []).filter((binding) => binding.expiresAt > now);
    if (request.contacts === '*') {
      return this.#removeAll(now, request, current);
    }
    const limit = this.#options.maxBindingsPerAor;
    // Before anything is compared: each contact is, with each of the others.
    const added = request.contacts.filter((contact) => (contact.expires ?? request.expires) !== 0).length;
    if (added > limit || request.contacts.length > this.maxContacts) {
      return { status: 403, reason: `more than ${limit} contacts for one user` };
    }
    const events: RegistrarEvent[] = [];
    let next = current;
    for (const contact of request.contacts) {
      const seconds = this.#grantedSeconds(contact.expires ?? request.expires);
      if (seconds === 'too-brief') {
        return { status: 423, minExpires: this.#options.minExpiresSeconds };
      }
      const known = next.find((binding) => isSameDevice(binding, contact));
      if (known !== undefined && known.callId === request.callId && request.cseq <= known.cseq) {
        return { status: 500, reason: 'CSeq is not higher than that of the registration it would change' };
      }
      next = next.filter((binding) => !isSameDevice(binding, contact));
      if (seconds > 0) {
        const binding = newBinding(request, contact, now + seconds * 1000);
        next = [...next, binding];
        events.push({ kind: 'registered', binding, refreshed: known !== undefined });
      } else if (known !== undefined) {
        events.push({ kind: 'unregistered', binding: known, reason: 'request' });
      }
    }
    // The longest not refreshed come first. A phone that comes back on a new port must not wait until they expire.
    const surplus = Math.max(0, next.length - limit);
    for (const binding of next.slice(0, surplus)) {
      events.push({ kind: 'unregistered', binding, reason: 'replaced' });
    }
    this.#store(request.aor, next.slice(surplus));
    return { status: 200, bindings: this.lookup(now, request.aor), events };
  }

  handleTimeout(now: number): RegistrarEvent[] {
    const events: RegistrarEvent[] = [];
    for (let aor = this.#deadlines.due(now); aor !== undefined; aor = this.#deadlines.due(now)) {
      this.#deadlines.remove(aor);
      const all = this.#bindings.get(aor) ?? [];
      for (const binding of all.filter(({ expiresAt }) => expiresAt <= now)) {
        events.push({ kind: 'unregistered', binding, reason: 'expired' });
      }
      this.#store(
        aor,
        all.filter((binding) => binding.expiresAt > now),
      );
    }
    return events;
  }

  /** Devices that only their connection could reach are gone with it (RFC 5626 5.3); they register again. */
  handleFlowClosed(flow: Flow): RegistrarEvent[] {
    const key = formatFlow(flow);
    const aors = this.#aorsOfFlow.get(key) ?? [];
    this.#aorsOfFlow.delete(key);
    const events: RegistrarEvent[] = [];
    for (const aor of aors) {
      const all = this.#bindings.get(aor) ?? [];
      const gone = all.filter((binding) => sameFlow(binding.flow, flow) && binding.flow.listens === undefined);
      events.push(...gone.map((binding) => ({ kind: 'unregistered', binding, reason: 'disconnected' }) as const));
      this.#store(
        aor,
        all.filter((binding) => !gone.includes(binding)),
      );
    }
    return events;
  }

  nextTimeoutAt(): number {
    return this.#deadlines.next();
  }

  /** RFC 3261 10.3 step 6: `*` stands alone and only with Expires 0; checked by the caller's parser for "alone". */
  #removeAll(now: number, request: RegisterRequest, current: readonly Binding[]): RegisterOutcome {
    if (request.expires !== 0) {
      return { status: 400, reason: 'Contact: * needs Expires: 0' };
    }
    if (current.some((binding) => binding.callId === request.callId && request.cseq <= binding.cseq)) {
      return { status: 500, reason: 'CSeq is not higher than that of a registration it would remove' };
    }
    this.#store(request.aor, []);
    const events = current.map((binding) => ({ kind: 'unregistered', binding, reason: 'request' }) as const);
    return { status: 200, bindings: this.lookup(now, request.aor), events };
  }

  #grantedSeconds(asked: number | undefined): number | 'too-brief' {
    const { minExpiresSeconds, maxExpiresSeconds } = this.#options;
    const seconds = Math.min(asked ?? DEFAULT_EXPIRES_SECONDS, maxExpiresSeconds);
    return seconds > 0 && seconds < minExpiresSeconds ? 'too-brief' : seconds;
  }

  #store(aor: string, bindings: Binding[]): void {
    if (bindings.length === 0) {
      this.#bindings.delete(aor);
      this.#deadlines.remove(aor);
      return;
    }
    this.#bindings.set(aor, bindings);
    for (const { flow } of bindings.filter((binding) => isReliable(binding.flow))) {
      const key = formatFlow(flow);
      this.#aorsOfFlow.set(key, (this.#aorsOfFlow.get(key) ?? new Set()).add(aor));
    }
    this.#deadlines.schedule(aor, Math.min(...bindings.map((binding) => binding.expiresAt)));
  }
}

/** The same URI, or the same instance after a change of address (which would otherwise ring a dead contact). */
function isSameDevice(binding: Binding, contact: RequestedBinding): boolean {
  return (
    equalUris(binding.uri, contact.uri) || (contact.instance !== undefined && binding.instance === contact.instance)
  );
}

function newBinding(request: RegisterRequest, contact: RequestedBinding, expiresAt: number): Binding {
  const { aor, callId, cseq, userAgent } = request;
  const { uri, params, q, instance } = contact;
  const { path = [] } = request;
  const flow = withListener(request.flow, nextHopOf(path) ?? contact.uri);
  return {
    aor,
    uri,
    params,
    q,
    flow,
    ...(path.length > 0 && { path }),
    expiresAt,
    callId,
    cseq,
    instance,
    userAgent,
  };
}

function nextHopOf([first]: readonly string[]): Uri | undefined {
  const hop = first === undefined ? undefined : parseNameAddr(first, 'RFC 3327 3');
  return hop?.ok === true ? parseSipUriOrUndefined(hop.value.uri) : undefined;
}

/** Who is at the address which its Contact (or the Path of a proxy) names may take connections there. */
function withListener(flow: Flow, uri: Uri): Flow {
  if (!isReliable(flow) || isWebSocket(flow) || uri.kind !== 'sip' || !sameAddress(uri.host, flow.remote.address)) {
    return flow;
  }
  return { ...flow, listens: { address: flow.remote.address, port: uri.port ?? defaultPort(flow) } };
}
