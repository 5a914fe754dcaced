import type { AccountGuard, GuardOptions } from '../auth/account-guard.ts';
import type { BanList, BanOptions } from '../auth/ban-list.ts';
import type { DigestServer } from '../auth/digest-server.ts';
import { B2bua } from '../b2bua/b2bua.ts';
import type { CallSnapshot } from '../b2bua/call-snapshot.ts';
import { failureHeaders, type Incoming } from '../b2bua/crossing.ts';
import type { ClientId } from '../b2bua/effects.ts';
import type { B2buaOptions } from '../b2bua/host.ts';
import type { RelayOutcome, RelayRequestId, RelaySession } from '../b2bua/media-relay.ts';
import { maxForwards } from '../message/headers/max-forwards.ts';
import { to as toField } from '../message/headers/to.ts';
import type { SipRequest } from '../message/message.ts';
import { createResponse } from '../message/response.ts';
import { parseUri } from '../message/uri.ts';
import { Courier } from '../offline/courier.ts';
import { Mailboxes, type MailboxLimits } from '../offline/mailboxes.ts';
import { Registrar, type RegistrarOptions } from '../registrar/registrar.ts';
import type { TransactionEffect, TransactionEvent, TransactionKey } from '../transaction/effects.ts';
import type { Flow } from '../transaction/flow.ts';
import type { TransactionLayer } from '../transaction/layer.ts';
import { Directory, type DirectoryOptions } from './directory.ts';
import type { SipServerEffect } from './effects.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { withholdIdentity } from './identity.ts';
import { ALLOW, methodSpec } from './index.ts';
import type { Answer, MethodEffect, MethodHost } from './method.ts';
import { targetsOf } from './routing.ts';

export interface SipServerOptions {
  readonly layer: TransactionLayer;
  readonly digest: DigestServer;
  readonly b2bua: B2buaOptions;
  readonly registrar: RegistrarOptions;
  readonly directory: DirectoryOptions;
  readonly trustedPeers: readonly string[];
  readonly bans: BanOptions;
  readonly guard: GuardOptions;
  readonly mailboxes: MailboxLimits;
  /** The present, as a Date header spells it (RFC 3261 20.17). */
  readonly date: () => string;
}

/** What can change while calls are in progress. */
export interface SipServerChange {
  readonly b2bua: Partial<B2buaOptions>;
  readonly registrar: RegistrarOptions;
  readonly directory: DirectoryOptions;
  readonly trustedPeers: readonly string[];
  readonly bans: BanOptions;
  readonly guard: GuardOptions;
  readonly mailboxes: MailboxLimits;
}

type Output = TransactionEffect | SipServerEffect;

/**
 * Extensions that may be required of us (RFC 3261 8.2.2.3): those whose work is done by the two ends, and that a
 * B2BUA only has to let through.
 */
const PASSED_EXTENSIONS: ReadonlySet<string> = new Set([
  '100rel',
  'answermode',
  'early-session',
  'from-change',
  'histinfo',
  'norefersub',
  'precondition',
  'replaces',
  'tdialog',
  'timer',
]);

/** What the registrar itself does of RFC 3327 and RFC 5626. */
const REGISTRAR_EXTENSIONS: ReadonlySet<string> = new Set(['path', 'outbound']);

const SUPPORTED = ['100rel', 'timer', 'replaces', 'path', 'outbound'].join(', ');

/**
 * The transaction user: registrar and B2BUA as one SIP server. It checks each request as RFC 3261 8.2 and 16.3 say,
 * gives it to its method or, within a dialog, to the B2BUA, and ties client transactions to the B2BUA's own names.
 */
export class SipServer {
  readonly registrar: Registrar;
  readonly b2bua: B2bua;
  readonly directory: Directory;
  readonly mailboxes: Mailboxes;
  readonly #courier: Courier;
  readonly #gatekeeper: Gatekeeper;
  readonly #digest: DigestServer;
  readonly #layer: TransactionLayer;
  readonly #newTag: () => string;
  readonly #keyOfClient = new Map<ClientId, TransactionKey>();
  readonly #clientOfKey = new Map<TransactionKey, ClientId>();

  constructor(options: SipServerOptions) {
    this.#layer = options.layer;
    this.#digest = options.digest;
    this.#newTag = () => options.b2bua.ids.tag();
    this.registrar = new Registrar(options.registrar);
    this.b2bua = new B2bua(options.b2bua);
    this.directory = new Directory(options.directory);
    this.mailboxes = new Mailboxes(options.mailboxes);
    this.#courier = new Courier({
      b2bua: this.b2bua,
      mailboxes: this.mailboxes,
      targetsOf: (now, aor) => targetsOf(this.registrar.lookup(now, aor)),
      newId: this.#newTag,
      date: options.date,
    });
    this.#gatekeeper = new Gatekeeper({
      digest: options.digest,
      directory: this.directory,
      trustedPeers: options.trustedPeers,
      bans: options.bans,
      guard: options.guard,
    });
  }

  /**
   * The configuration changed. Devices of users that are gone are forgotten, and texts for them; a changed password is asked for at the next
   * challenge.
   */
  reconfigure(now: number, change: SipServerChange): readonly Output[] {
    const { b2bua, registrar, directory, trustedPeers, bans, guard, mailboxes } = change;
    this.mailboxes.reconfigure(mailboxes);
    this.b2bua.reconfigure(b2bua);
    this.registrar.reconfigure(registrar);
    this.directory.reconfigure(directory);
    this.#gatekeeper.setTrustedPeers(trustedPeers);
    this.#gatekeeper.bans.reconfigure(bans);
    this.#gatekeeper.guard.reconfigure(guard);
    const isUser = (aor: string): boolean => this.directory.account(aor) !== undefined;
    const gone = this.registrar.retain(isUser);
    this.#courier.retain(isUser);
    return this.#perform(
      now,
      gone.map((event) => ({ kind: 'registration', event }) as const),
    );
  }

  /** A fact from the transaction layer. */
  handleTransaction(now: number, event: TransactionEvent): readonly Output[] {
    switch (event.kind) {
      case 'request':
        return this.#perform(now, this.#handleRequest(now, event));
      case 'ack': {
        const { request, flow } = this.#gatekeeper.letThrough(event);
        return this.#perform(now, this.b2bua.handleAck(now, request, flow));
      }
      case 'cancel':
        return this.#perform(now, this.b2bua.handleCancel(now, event.key, event.request));
      case 'response': {
        const id = this.#clientOfKey.get(event.key);
        if (id === undefined) {
          return [];
        }
        this.#gatekeeper.purgeIdentity(event.response, event.flow);
        return this.#perform(now, this.b2bua.handleResponse(now, id, event.response, event.flow));
      }
      case 'timeout':
        return this.#failClient(now, event.key, 408, 'no answer');
      case 'transport-error':
        return this.#failClient(now, event.key, 503, `cannot be reached: ${event.reason}`);
      case 'ack-timeout':
        return [];
      case 'terminated':
        this.#forget(event.key);
        return [];
    }
  }

  handleRelayOutcome(now: number, id: RelayRequestId, outcome: RelayOutcome): readonly Output[] {
    return this.#perform(now, this.b2bua.handleRelayOutcome(now, id, outcome));
  }

  /** Goes on with an answered call of another process; see `B2bua.resumeCall`. */
  resumeCall(now: number, snapshot: CallSnapshot): readonly Output[] {
    return this.#perform(now, this.b2bua.resumeCall(now, snapshot));
  }

  /** The relay was started anew: see which calls it still knows. */
  handleRelayRestart(now: number): readonly Output[] {
    return this.#perform(now, this.b2bua.handleRelayRestart(now));
  }

  /** The relay that serves these sessions is gone, and there are others. */
  handleRelayGone(now: number, isConcerned: (session: RelaySession) => boolean): readonly Output[] {
    return this.#perform(now, this.b2bua.handleRelayGone(now, isConcerned));
  }

  /** Ends every call. New ones are refused from here on. */
  shutDown(now: number): readonly Output[] {
    this.b2bua.stopTakingCalls();
    return this.#perform(now, this.b2bua.endAllCalls(now, 'the server is shutting down'));
  }

  /** Sources that get no answer at present. */
  get bans(): BanList {
    return this.#gatekeeper.bans;
  }

  /** Accounts that many sources guess at. */
  get guard(): AccountGuard {
    return this.#gatekeeper.guard;
  }

  nextTimeoutAt(): number {
    return Math.min(this.registrar.nextTimeoutAt(), this.b2bua.nextTimeoutAt());
  }

  handleTimeout(now: number): readonly Output[] {
    const expired = this.registrar.handleTimeout(now).map((event) => ({ kind: 'registration', event }) as const);
    return this.#perform(now, [...expired, ...this.b2bua.handleTimeout(now)]);
  }

  /** A connection ended. Calls over it live on: their dialogs find the peer again, or the relay hears nobody. */
  handleFlowClosed(now: number, flow: Flow): readonly Output[] {
    const gone = this.registrar.handleFlowClosed(flow);
    return this.#perform(
      now,
      gone.map((event) => ({ kind: 'registration', event }) as const),
    );
  }

  #handleRequest(now: number, incoming: Incoming): readonly MethodEffect[] {
    const host = this.#hostAt(now);
    const { request } = incoming;
    if (!isWithinDialog(request) && this.#gatekeeper.shutsOut(now, incoming.flow)) {
      return [{ kind: 'ignore', key: incoming.key }];
    }
    const refusal = inspect(request);
    if (refusal !== undefined) {
      return [host.refuse(incoming, refusal.status, refusal.answer)];
    }
    if (isWithinDialog(request)) {
      if (!this.b2bua.hasDialog(request)) {
        return [host.refuse(incoming, 481)];
      }
      return this.b2bua.handleRequest(now, this.#gatekeeper.letThrough(incoming));
    }
    const spec = methodSpec(request.method);
    return spec === undefined
      ? [host.refuse(incoming, 501, { headers: host.capabilities })]
      : spec.handle(host, incoming);
  }

  #hostAt(now: number): MethodHost {
    const answer = ({ request, flow }: Incoming, status: number, toTag: string, { reason, headers }: Answer) =>
      createResponse(request, status, {
        toTag,
        headers: [...failureHeaders(status, reason, flow), ...(headers ?? [])],
      });
    return {
      now,
      registrar: this.registrar,
      b2bua: this.b2bua,
      directory: this.directory,
      gatekeeper: this.#gatekeeper,
      courier: this.#courier,
      newTag: this.#newTag,
      capabilities: [
        ['Allow', ALLOW],
        ['Accept', 'application/sdp'],
        ['Supported', SUPPORTED],
      ],
      respond: (incoming, status, more = {}) => ({
        kind: 'respond',
        key: incoming.key,
        response: answer(incoming, status, this.#newTag(), more),
      }),
      refuse: (incoming, status, more = {}) => ({
        kind: 'refuse',
        key: incoming.key,
        response: answer(incoming, status, this.#digest.statelessTag(incoming.request), more),
      }),
    };
  }

  /** Does what concerns the transaction layer; the rest is for the surroundings. */
  #perform(now: number, effects: readonly MethodEffect[]): readonly Output[] {
    for (const effect of effects) {
      if (effect.kind === 'registration' && effect.event.kind === 'registered') {
        this.#courier.handleRegistered(effect.event.binding.aor);
      }
    }
    const output: Output[] = [];
    for (const effect of [...effects, ...this.#courier.run(now)]) {
      switch (effect.kind) {
        case 'request': {
          if (!this.#gatekeeper.isTrustedPeer(effect.flow)) {
            withholdIdentity(effect.request.headers);
          }
          const { key, effects: sent } = this.#layer.request(now, effect.request, effect.flow);
          this.#keyOfClient.set(effect.id, key);
          this.#clientOfKey.set(key, effect.id);
          output.push(...sent);
          break;
        }
        case 'cancel': {
          const key = this.#keyOfClient.get(effect.id);
          if (key !== undefined) {
            output.push(...this.#layer.cancel(now, key, effect.headers));
          }
          break;
        }
        case 'respond':
          output.push(...this.#layer.respond(now, effect.key, effect.response));
          break;
        case 'refuse':
          output.push(...this.#layer.refuse(effect.key, effect.response));
          break;
        case 'ignore':
          output.push(...this.#layer.ignore(effect.key));
          break;
        case 'send':
          output.push({ kind: 'send', bytes: effect.bytes, flow: effect.flow, key: undefined });
          break;
        default:
          output.push(effect);
      }
    }
    return output;
  }

  #failClient(now: number, key: TransactionKey, status: 408 | 503, reason: string): readonly Output[] {
    const id = this.#clientOfKey.get(key);
    return id === undefined ? [] : this.#perform(now, this.b2bua.handleFailure(now, id, status, reason));
  }

  #forget(key: TransactionKey): void {
    const id = this.#clientOfKey.get(key);
    if (id === undefined) {
      this.b2bua.handleServerTerminated(key);
      return;
    }
    this.#clientOfKey.delete(key);
    this.#keyOfClient.delete(id);
    this.b2bua.handleClientTerminated(id);
  }
}

function isWithinDialog(request: SipRequest): boolean {
  return request.headers.read(toField)?.parameters.has('tag') ?? false;
}

/** What is wrong with a request, whatever its method (RFC 3261 8.2.2, 16.3). */
function inspect(request: SipRequest): { readonly status: number; readonly answer: Answer } | undefined {
  const { headers } = request;
  const uri = parseUri(request.uri);
  if (!uri.ok || uri.value.kind === 'other') {
    return { status: 416, answer: { reason: 'only sip:, sips: and tel: URIs are understood' } };
  }
  if (headers.read(maxForwards) === 0 && request.method !== 'OPTIONS' && request.method !== 'REGISTER') {
    return { status: 483, answer: {} };
  }
  const isKnown = (tag: string): boolean =>
    PASSED_EXTENSIONS.has(tag) || (request.method === 'REGISTER' && REGISTRAR_EXTENSIONS.has(tag));
  const required = headers.getAll('Require').filter((tag) => !isKnown(tag.toLowerCase()));
  const unsupported = [...required, ...headers.getAll('Proxy-Require')];
  return unsupported.length === 0
    ? undefined
    : { status: 420, answer: { headers: [['Unsupported', unsupported.join(', ')]] } };
}
