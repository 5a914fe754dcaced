import { DeadlineQueue } from '../../wire/deadline-queue.ts';
import { tooBrief } from '../dialog/session-timer.ts';
import { formatMessage } from '../message/format.ts';
import { cseq as cseqField } from '../message/headers/cseq.ts';
import { from as fromField } from '../message/headers/from.ts';
import { cloneRequest, type SipMessage, type SipRequest, type SipResponse } from '../message/message.ts';
import { parseMessage } from '../message/parse.ts';
import { createResponse } from '../message/response.ts';
import type { TransactionKey } from '../transaction/effects.ts';
import type { Flow } from '../transaction/flow.ts';
import { pushVia } from '../transaction/via-routing.ts';
import { type CallTarget, sessionTooBrief } from './branch.ts';
import { Call } from './call.ts';
import type { CallEvent } from './call-record.ts';
import type { CallSnapshot } from './call-snapshot.ts';
import { CallTable } from './call-table.ts';
import { failureHeaders, type Incoming } from './crossing.ts';
import { DialogTable } from './dialog-table.ts';
import type { B2buaEffect, ClientId } from './effects.ts';
import type { B2buaOptions, CallHost, ResponseHandler, Timed } from './host.ts';
import type { RelayCommand, RelayOutcome, RelayRequestId, RelaySession } from './media-relay.ts';
import type { MediaSession } from './media-session.ts';
import type { Redirection } from './redirection.ts';
import { StandaloneRequest } from './standalone.ts';

/** Calls that have to move do so one after the other: each of them is two INVITEs, for phones that all wait for theirs. */
const MOVE_INTERVAL_MS = 5;

/**
 * A back-to-back user agent (RFC 7092 3.1.3, with media relay): what the caller and the callee say to each other
 * passes through, but each talks to us in a dialog of its own, and their media meet at the relay.
 *
 * Facts go in (requests, responses, relay outcomes, time), effects come out. The tables here find the call, branch
 * or client transaction that a fact is about; `Call`, `Branch` and the crossings decide.
 */
export class B2bua {
  #options: B2buaOptions;
  readonly #calls = new CallTable();
  /** INVITEs that wait for a final response, by server transaction: for CANCEL. */
  readonly #invites = new Map<TransactionKey, { handleCancel(request: SipRequest): void }>();
  /** The first INVITEs among them, by what they have in common when one comes by two ways. */
  readonly #identities = new Set<string>();
  readonly #dialogs = new DialogTable();
  readonly #clients = new Map<ClientId, ResponseHandler>();
  readonly #relayRequests = new Map<RelayRequestId, MediaSession>();
  readonly #deadlines = new DeadlineQueue<Timed>();
  readonly #host: CallHost;
  #effects: B2buaEffect[] = [];
  #now = 0;
  #lastClientId: ClientId = 0;
  #lastRelayRequest: RelayRequestId = 0;
  #closing = false;

  constructor(options: B2buaOptions) {
    this.#options = options;
    this.#host = this.#createHost();
  }

  /** New values for what can change while calls are in progress; a call keeps the media address that it began with. */
  reconfigure(change: Partial<B2buaOptions>): void {
    this.#options = { ...this.#options, ...change };
  }

  /** Calls that ring or are answered. */
  get callCount(): number {
    return this.#calls.size;
  }

  /** Relay commands whose outcome is still to come. */
  get pendingRelayRequests(): number {
    return this.#relayRequests.size;
  }

  /** Entries of the inner tables, for tests and metrics: all are 0 when no call is left and all is answered. */
  tableSizes(): Readonly<Record<string, number>> {
    return {
      callers: this.#calls.accountCount,
      invites: this.#invites.size,
      identities: this.#identities.size,
      dialogs: this.#dialogs.size,
      clients: this.#clients.size,
      deadlines: this.#deadlines.size,
    };
  }

  /**
   * An INVITE outside of any dialog, authenticated and routed. `targets` are rung by their q.
   * @param account of the user who calls; undefined: a trusted peer
   */
  startCall(
    now: number,
    incoming: Incoming,
    targets: readonly CallTarget[],
    account?: string,
    redirection?: Redirection,
  ): B2buaEffect[] {
    if (this.#identities.has(requestIdentity(incoming.request))) {
      return this.#collect(now, () => this.#refuseMerged(incoming));
    }
    const minimum = tooBrief(incoming.request, this.#options);
    if (minimum !== undefined) {
      const { key, request } = incoming;
      return this.#collect(now, () =>
        this.#host.respond(key, sessionTooBrief(request, this.#options.ids.tag(), minimum)),
      );
    }
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      return this.refuseCall(now, incoming, 503, refusal);
    }
    const { maxCallsPerUser } = this.#options;
    const own = this.#calls.countOf(account);
    if (maxCallsPerUser > 0 && own >= maxCallsPerUser) {
      return this.refuseCall(now, incoming, 403, `${account} has ${own} calls up; no more are allowed`);
    }
    return this.#collect(now, () => {
      const followed = this.#options.followsRedirects ? redirection : undefined;
      const call = this.#createCall(incoming, targets, account, followed);
      this.#calls.add(call);
      this.#invites.set(incoming.key, call);
      this.#identities.add(requestIdentity(incoming.request));
      call.start();
    });
  }

  /**
   * Goes on with an answered call of another process, whose parties do not notice. Nothing is done with a snapshot that
   * cannot be read: `resumed` among the effects says that it could.
   */
  resumeCall(now: number, snapshot: CallSnapshot): B2buaEffect[] {
    const invite = parseMessage(Buffer.from(snapshot.invite, 'base64'));
    if (!invite.ok || invite.value.kind !== 'request') {
      return [];
    }
    const request = invite.value;
    return this.#collect(now, () => {
      const incoming = { key: `resumed ${snapshot.id}` as TransactionKey, request, flow: snapshot.flow };
      const call = Call.resume(this.#host, snapshot, incoming, this.#calls.size * MOVE_INTERVAL_MS);
      if (call !== undefined) {
        this.#calls.add(call);
      }
    });
  }

  /** An authenticated INVITE that leads nowhere. `reason` is a sentence for Warning and the record. */
  refuseCall(now: number, incoming: Incoming, status: number, reason: string): B2buaEffect[] {
    return this.#collect(now, () => this.#createCall(incoming, []).refuse(status, reason));
  }

  /**
   * A request outside of any dialog that makes none, authenticated and routed: MESSAGE.
   * @param instead what the sender is answered in place of the response that came
   */
  passRequest(
    now: number,
    { key, request, flow }: Incoming,
    targets: readonly CallTarget[],
    instead: (response: SipResponse) => SipResponse = (response) => response,
  ): B2buaEffect[] {
    const answer = (response: SipResponse): void => this.#host.respond(key, instead(response));
    return this.#collect(now, () => new StandaloneRequest(this.#host, { request, flow, answer }, targets).start());
  }

  /** The same for a request that nobody waits for: `done` gets the status of its answer, 408 or 503 without one. */
  sendRequest(
    now: number,
    request: SipRequest,
    targets: readonly CallTarget[],
    done: (status: number) => void,
  ): B2buaEffect[] {
    const [first] = targets;
    if (first === undefined) {
      return [];
    }
    const answer = ({ status }: SipResponse): void => done(status);
    return this.#collect(now, () =>
      new StandaloneRequest(this.#host, { request, flow: first.flow, answer }, targets).start(),
    );
  }

  /** Whether the request's Call-ID and To tag are those of a dialog here. */
  hasDialog(request: SipRequest): boolean {
    return this.#dialogs.find(request) !== undefined;
  }

  /** A request with a To tag, other than ACK and CANCEL. */
  handleRequest(now: number, incoming: Incoming): B2buaEffect[] {
    return this.#collect(now, () => {
      const found = this.#dialogs.find(incoming.request);
      if (found === undefined) {
        this.#host.respond(incoming.key, createResponse(incoming.request, 481));
        return;
      }
      const { branch, side } = found;
      if (incoming.request.method === 'INVITE') {
        this.#invites.set(incoming.key, branch);
      }
      branch.handleRequest(side, incoming);
    });
  }

  handleAck(now: number, request: SipRequest, flow: Flow): B2buaEffect[] {
    return this.#collect(now, () => {
      const found = this.#dialogs.find(request);
      found?.branch.handleAck(found.side, request, flow);
    });
  }

  /** `key` is that of the INVITE. */
  handleCancel(now: number, key: TransactionKey, request: SipRequest): B2buaEffect[] {
    return this.#collect(now, () => this.#invites.get(key)?.handleCancel(request));
  }

  handleResponse(now: number, id: ClientId, response: SipResponse, flow: Flow): B2buaEffect[] {
    return this.#collect(now, () => this.#clients.get(id)?.handleResponse(response, flow));
  }

  handleFailure(now: number, id: ClientId, status: 408 | 503, reason: string): B2buaEffect[] {
    return this.#collect(now, () => this.#clients.get(id)?.handleFailure(status, reason));
  }

  /** The client transaction is gone: no response under this id will come any more. */
  handleClientTerminated(id: ClientId): void {
    this.#clients.delete(id);
  }

  /** The server transaction is gone: no CANCEL for it will come any more. */
  handleServerTerminated(key: TransactionKey): void {
    const waiting = this.#invites.get(key);
    this.#invites.delete(key);
    if (waiting instanceof Call) {
      this.#identities.delete(requestIdentity(waiting.incoming.request));
    }
  }

  handleRelayOutcome(now: number, id: RelayRequestId, outcome: RelayOutcome): B2buaEffect[] {
    return this.#collect(now, () => {
      const session = this.#relayRequests.get(id);
      this.#relayRequests.delete(id);
      session?.handleOutcome(outcome);
    });
  }

  /** The relay was restarted: answered calls whose sessions are gone get new ones, others end. */
  handleRelayRestart(now: number): B2buaEffect[] {
    return this.#collect(now, () => {
      for (const [index, call] of this.#calls.all().entries()) {
        call.handleRelayRestart(index * MOVE_INTERVAL_MS);
      }
    });
  }

  /** The relay that serves these sessions is gone, and there are others: its answered calls move there. */
  handleRelayGone(now: number, isConcerned: (session: RelaySession) => boolean): B2buaEffect[] {
    return this.#collect(now, () => {
      let count = 0;
      for (const call of this.#calls.all()) {
        count += call.handleRelayGone(isConcerned, count * MOVE_INTERVAL_MS) ? 1 : 0;
      }
    });
  }

  handleTimeout(now: number): B2buaEffect[] {
    return this.#collect(now, () => {
      for (let timed = this.#deadlines.due(now); timed !== undefined; timed = this.#deadlines.due(now)) {
        this.#deadlines.remove(timed);
        timed.handleTimeout();
      }
    });
  }

  nextTimeoutAt(): number {
    return this.#deadlines.next();
  }

  /** From now on new calls get 503 with Retry-After; those that exist go on. */
  stopTakingCalls(): void {
    this.#closing = true;
  }

  /** Ends every call: BYE to answered ones, 503 to callers whose call still rings. */
  endAllCalls(now: number, reason: string): B2buaEffect[] {
    return this.#collect(now, () => {
      for (const call of this.#calls.all()) {
        call.end({ by: 'server', reason, status: 503 });
      }
    });
  }

  #createCall(
    incoming: Incoming,
    targets: readonly CallTarget[],
    account?: string,
    redirection?: Redirection | undefined,
  ): Call {
    return new Call(this.#host, { id: this.#options.ids.tag(), incoming, targets, account, redirection });
  }

  /** Why no call is taken now. */
  #refusal(): string | undefined {
    if (this.#closing) {
      return 'the server is shutting down';
    }
    const { maxCalls } = this.#options;
    return this.#calls.size < maxCalls ? undefined : `${maxCalls} calls are up; no more are taken`;
  }

  /** The same request by another path: equal From tag, Call-ID and CSeq, but another transaction. */
  #refuseMerged({ key, request, flow }: Incoming): void {
    const headers = failureHeaders(482, 'this request has already come by another way (RFC 3261 8.2.2.2)', flow);
    this.#host.respond(key, createResponse(request, 482, { toTag: this.#options.ids.tag(), headers }));
  }

  /** A request outside of transactions gets a branch of its own (RFC 3261 17.1.1.3: the ACK for a 2xx). */
  #withVia(message: SipMessage, flow: Flow): SipMessage {
    if (message.kind === 'response') {
      return message;
    }
    const sent = cloneRequest(message);
    pushVia(sent.headers, flow, this.#options.ids.branch());
    return sent;
  }

  #collect(now: number, handle: () => void): B2buaEffect[] {
    this.#now = now;
    handle();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #createHost(): CallHost {
    const b2bua = this;
    const emit = (effect: B2buaEffect): void => {
      this.#effects.push(effect);
    };
    const request = (message: SipRequest, flow: Flow): ClientId => {
      const id = ++this.#lastClientId;
      emit({ kind: 'request', id, request: message, flow });
      return id;
    };
    return {
      get options() {
        return b2bua.#options;
      },
      get now() {
        return b2bua.#now;
      },
      request: (message, flow, handler) => {
        const id = request(message, flow);
        this.#clients.set(id, handler);
        return id;
      },
      handOver: (id, handler) => {
        if (this.#clients.has(id)) {
          this.#clients.set(id, handler);
        }
      },
      forget: (id) => {
        this.#clients.delete(id);
      },
      requestAndForget: (message, flow) => {
        request(message, flow);
      },
      cancel: (id, headers) => emit({ kind: 'cancel', id, headers }),
      respond: (key, response) => {
        if (response.status >= 200) {
          this.handleServerTerminated(key);
        }
        emit({ kind: 'respond', key, response });
      },
      send: (message, flow) => {
        const datagram = { bytes: formatMessage(this.#withVia(message, flow)), flow };
        emit({ kind: 'send', ...datagram });
        return datagram;
      },
      resend: (datagram) => emit({ kind: 'send', ...datagram }),
      relay: (session: MediaSession, command: RelayCommand) => {
        const id = ++this.#lastRelayRequest;
        this.#relayRequests.set(id, session);
        emit({ kind: 'relay', id, command });
      },
      addDialog: (dialog, branch, side) => this.#dialogs.add(dialog, { branch, side }),
      removeDialog: (dialog) => this.#dialogs.remove(dialog),
      acrossCall: (replaces) => this.#dialogs.acrossCall(replaces),
      setDeadline: (timed: Timed, at: number) => this.#deadlines.schedule(timed, at),
      report: (event: CallEvent) => emit({ kind: 'call', event }),
      remove: (call) => this.#calls.remove(call),
    };
  }
}

function requestIdentity(request: SipRequest): string {
  const tag = request.headers.read(fromField)?.parameters.get('tag') ?? '';
  return `${request.headers.get('Call-ID')}\n${tag}\n${request.headers.read(cseqField)?.number}`;
}
