/**
 * One dialog (RFC 3261 12): what two user agents must remember to exchange requests. Created early from an INVITE
 * that came or is about to go, completed by the peer's tag, refreshed by its Contact.
 *
 *   UAS: the request has everything                              → remote tag known at once
 *   UAC: our request ──1xx with tag──► early ──2xx──► confirmed  → remote tag and route set from the response
 */

import { contact as contactField } from '../message/headers/contact.ts';
import { cseq as cseqField, MAX_CSEQ } from '../message/headers/cseq.ts';
import { from as fromField } from '../message/headers/from.ts';
import { formatNameAddr, type NameAddr, parseNameAddr } from '../message/headers/name-addr.ts';
import { recordRoute } from '../message/headers/record-route.ts';
import { route as routeField } from '../message/headers/route.ts';
import { to as toField } from '../message/headers/to.ts';
import { via } from '../message/headers/via.ts';
import { Headers } from '../message/headers.ts';
import { EMPTY_BODY, type SipMessage, type SipRequest, type SipResponse } from '../message/message.ts';
import { Parameters } from '../message/parameters.ts';
import { parseSipUriOrUndefined } from '../message/uri.ts';
import type { Flow } from '../transaction/flow.ts';
import { nextHop } from './next-hop.ts';

interface DialogStart {
  readonly callId: string;
  readonly localTag: string;
  /** Who we are in From, without tag. */
  readonly local: NameAddr;
  readonly remote: NameAddr;
  /** Where the next request goes, if nothing the peer says tells otherwise. */
  readonly target: string;
  /** What the first request has to pass on its way there; the answer tells the route of the others. */
  readonly path?: readonly string[] | undefined;
  readonly flow: Flow;
}

/** A dialog as plain data, for whoever goes on with it in another process. */
export interface DialogSnapshot {
  readonly callId: string;
  readonly localTag: string;
  /** From and To without tags, and the route set, as headers spell them. */
  readonly local: string;
  readonly remote: string;
  readonly remoteTag?: string | undefined;
  readonly remoteTarget: string;
  readonly routeSet: readonly string[];
  readonly flow: Flow;
  readonly symmetric: boolean;
  readonly localCseq: number;
  readonly remoteCseq: number;
}

/** Requests that may have been sent after the snapshot was taken: CSeq must not go back, and may well jump. */
const CSEQ_MARGIN = 10_000;

/** The routes of a peer's dialog-forming message; more of them is no honest path. */
const MAX_ROUTES = 20;

export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly #local: NameAddr;
  readonly #remote: NameAddr;
  /** Undefined: not known yet, or the peer has none (RFC 2543). */
  #remoteTag: string | undefined;
  #isEstablished = false;
  #remoteTarget: string;
  #routeSet: readonly NameAddr[] = [];
  #flow: Flow;
  /** The peer put `rport` into its Via: it can be reached where its messages come from (RFC 3581). */
  #symmetric = true;
  #localCseq = 0;
  #remoteCseq = -1;

  private constructor(start: DialogStart) {
    this.callId = start.callId;
    this.localTag = start.localTag;
    this.#local = withoutTag(start.local);
    this.#remote = withoutTag(start.remote);
    this.#remoteTarget = start.target;
    this.#routeSet = (start.path ?? []).flatMap((text) => {
      const hop = parseNameAddr(text, 'RFC 3327 3');
      return hop.ok ? [hop.value] : [];
    });
    this.#flow = start.flow;
  }

  /** The side that was called (RFC 3261 12.1.1). The request has passed the parser: From, To, CSeq are there. */
  static asUas(request: SipRequest, localTag: string, flow: Flow): Dialog {
    const remote = request.headers.read(fromField) ?? anonymous(request.uri);
    const dialog = new Dialog({
      callId: request.headers.get('Call-ID') ?? '',
      localTag,
      local: request.headers.read(toField) ?? anonymous(request.uri),
      remote,
      target: remote.uri,
      flow,
    });
    dialog.#remoteTag = remote.parameters.get('tag');
    dialog.#isEstablished = true;
    dialog.#remoteCseq = request.headers.read(cseqField)?.number ?? 0;
    dialog.#routeSet = readRoutes(request);
    dialog.refresh(request, flow);
    return dialog;
  }

  /** The side that calls (RFC 3261 12.1.2), before anything has been sent. */
  static asUac(start: DialogStart): Dialog {
    return new Dialog(start);
  }

  /** Goes on with an established dialog. Undefined: the snapshot cannot be read. */
  static resume(snapshot: DialogSnapshot): Dialog | undefined {
    const section = 'RFC 3261 12';
    const [local, remote] = [parseNameAddr(snapshot.local, section), parseNameAddr(snapshot.remote, section)];
    const routes = snapshot.routeSet.map((text) => parseNameAddr(text, section));
    if (!local.ok || !remote.ok || routes.some(({ ok }) => !ok)) {
      return undefined;
    }
    const { callId, localTag, remoteTarget: target, flow } = snapshot;
    const dialog = new Dialog({ callId, localTag, local: local.value, remote: remote.value, target, flow });
    dialog.#remoteTag = snapshot.remoteTag;
    dialog.#isEstablished = true;
    dialog.#routeSet = routes.flatMap((route) => (route.ok ? [route.value] : []));
    dialog.#symmetric = snapshot.symmetric;
    dialog.#localCseq = Math.min(snapshot.localCseq + CSEQ_MARGIN, MAX_CSEQ);
    dialog.#remoteCseq = snapshot.remoteCseq;
    return dialog;
  }

  snapshot(): DialogSnapshot {
    return {
      callId: this.callId,
      localTag: this.localTag,
      local: formatNameAddr(this.#local),
      remote: formatNameAddr(this.#remote),
      ...(this.#remoteTag !== undefined && { remoteTag: this.#remoteTag }),
      remoteTarget: this.#remoteTarget,
      routeSet: this.#routeSet.map(formatNameAddr),
      flow: this.#flow,
      symmetric: this.#symmetric,
      localCseq: this.#localCseq,
      remoteCseq: this.#remoteCseq,
    };
  }

  get remoteTag(): string | undefined {
    return this.#remoteTag;
  }

  /** The peer has taken part: early or confirmed, with a tag or, being of RFC 2543, without one. */
  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  /** CSeq number of the last request that this side created. */
  get localCseq(): number {
    return this.#localCseq;
  }

  /** Where the peer's messages come from, last seen. */
  get flow(): Flow {
    return this.#flow;
  }

  /**
   * Takes tag, route set and remote target from a response to the request that forms this dialog. A provisional
   * one may be replaced by another (the peer forked); after the 2xx the caller no longer asks.
   */
  update(response: SipResponse, flow: Flow): void {
    const tag = response.headers.read(toField)?.parameters.get('tag');
    if (tag === undefined && response.status < 200) {
      return;
    }
    this.#remoteTag = tag;
    this.#isEstablished = true;
    this.#routeSet = [...readRoutes(response)].reverse();
    this.refresh(response, flow);
  }

  /** The dialog that another 2xx to the same INVITE makes: the peer forked, and a second phone answered. */
  fork(response: SipResponse, flow: Flow): Dialog {
    const other = new Dialog({
      callId: this.callId,
      localTag: this.localTag,
      local: this.#local,
      remote: this.#remote,
      target: this.#remoteTarget,
      flow,
    });
    other.#localCseq = this.#localCseq;
    other.update(response, flow);
    return other;
  }

  /** Target refresh (RFC 3261 12.2): the peer's new Contact, and the place its messages now come from. */
  refresh(message: SipMessage, flow: Flow): void {
    const contact = message.headers.read(contactField);
    // Only to a SIP URI can a request be sent.
    if (contact !== undefined && contact !== '*' && parseSipUriOrUndefined(contact.uri) !== undefined) {
      this.#remoteTarget = contact.uri;
    }
    this.#flow = flowForTheNext(flow, this.#remoteTarget);
    if (message.kind === 'request') {
      this.#symmetric = message.headers.read(via)?.parameters.has('rport') ?? true;
    }
  }

  /** False: the request is older than one already seen, and must be answered 500 (RFC 3261 12.2.2). */
  acceptCseq(number: number): boolean {
    if (number <= this.#remoteCseq) {
      return false;
    }
    this.#remoteCseq = number;
    return true;
  }

  /**
   * A request within the dialog (RFC 3261 12.2.1.1), without Via, Contact and Max-Forwards. `cseq` is given for
   * an ACK, which has that of its INVITE; all others take the next number.
   */
  createRequest(method: string, options: { readonly cseq?: number; readonly body?: Uint8Array } = {}): SipRequest {
    const number = options.cseq ?? this.#nextCseq();
    const [first, ...rest] = this.#routeSet;
    const strict = first !== undefined && !isLooseRouter(first);
    const headers = new Headers();
    const routes = strict
      ? [...rest, { displayName: undefined, uri: this.#remoteTarget, parameters: first.parameters.without('lr') }]
      : this.#routeSet;
    for (const value of routes) {
      headers.append('Route', routeField.format(value));
    }
    headers.append('From', fromField.format(withTag(this.#local, this.localTag)));
    headers.append('To', toField.format(withTag(this.#remote, this.#remoteTag)));
    headers.append('Call-ID', this.callId);
    headers.append('CSeq', cseqField.format({ number, method }));
    const uri = strict ? first.uri : this.#remoteTarget;
    return { kind: 'request', method, uri, headers, body: options.body ?? EMPTY_BODY };
  }

  /** The flow on which the next request leaves. */
  nextHop(): Flow {
    const target = this.#routeSet[0]?.uri ?? this.#remoteTarget;
    return nextHop(this.#flow, target, { symmetric: this.#symmetric, isRoute: this.#routeSet.length > 0 });
  }

  #nextCseq(): number {
    this.#localCseq = this.#localCseq >= MAX_CSEQ ? 1 : this.#localCseq + 1;
    return this.#localCseq;
  }
}

/** One request was too large for UDP; the next one need not be. A peer whose Contact wants TCP gets it. */
function flowForTheNext(flow: Flow, remoteTarget: string): Flow {
  const { insteadOf, ...taken } = flow;
  if (insteadOf === undefined) {
    return flow;
  }
  return parseSipUriOrUndefined(remoteTarget)?.parameters.get('transport')?.toLowerCase() === 'tcp' ? taken : insteadOf;
}

function readRoutes(message: SipMessage): readonly NameAddr[] {
  const routes = message.headers.readAll(recordRoute);
  return routes.ok ? routes.value.slice(0, MAX_ROUTES) : [];
}

function isLooseRouter(value: NameAddr): boolean {
  return parseSipUriOrUndefined(value.uri)?.parameters.has('lr') ?? false;
}

function withoutTag(value: NameAddr): NameAddr {
  return { ...value, parameters: value.parameters.without('tag') };
}

function withTag(value: NameAddr, tag: string | undefined): NameAddr {
  return tag === undefined || tag === '' ? value : { ...value, parameters: value.parameters.with('tag', tag) };
}

/** Stands in for a From or To that cannot be read; the parser lets none through. */
function anonymous(uri: string): NameAddr {
  return { displayName: undefined, uri, parameters: Parameters.none };
}
