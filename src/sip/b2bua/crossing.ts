import { findSdp } from '../../sdp/body.ts';
import { formatHost } from '../../wire/ip-address.ts';
import { err, ok, type Result } from '../../wire/result.ts';
import { cseq as cseqField } from '../message/headers/cseq.ts';
import { maxForwards } from '../message/headers/max-forwards.ts';
import { replaces } from '../message/headers/replaces.ts';
import { warning } from '../message/headers/warning.ts';
import type { Headers } from '../message/headers.ts';
import { EMPTY_BODY, type SipMessage, type SipRequest, type SipResponse } from '../message/message.ts';
import { createResponse } from '../message/response.ts';
import type { TransactionKey } from '../transaction/effects.ts';
import { clientOf, type Flow, isReliable, uriTransport } from '../transaction/flow.ts';
import type { Branch } from './branch.ts';
import type { ClientId } from './effects.ts';
import type { CallHost, ResponseHandler } from './host.ts';
import { otherSide, type Side } from './media-relay.ts';
import type { Agreement } from './media-session.ts';
import { passHeaders, passRedirection, removeBodyHeaders } from './pass-through.ts';
import { passBody, type Refusal, refuseUnreadable } from './sdp-passage.ts';

/** A request as it came in: what is needed to answer it. */
export interface Incoming {
  readonly key: TransactionKey;
  readonly request: SipRequest;
  readonly flow: Flow;
}

/** Seconds that a party is asked to wait when the relay or a glare is in the way. */
export const RETRY_AFTER_SECONDS = 5;

const DEFAULT_MAX_FORWARDS = 70;

/** Methods that make a dialog or refresh its target; in others a Contact is noise, in a MESSAGE forbidden (RFC 3428 4). */
const WITH_CONTACT: ReadonlySet<string> = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER']);

/**
 * One request on its way through a branch: in by one dialog, out by the other, and its responses back. This class is
 * all there is to requests that are neither INVITE nor ACK, CANCEL, BYE.
 */
export class Crossing implements ResponseHandler {
  protected readonly branch: Branch;
  protected readonly host: CallHost;
  /** The side that the request came from. */
  readonly from: Side;
  readonly incoming: Incoming;
  protected clientId: ClientId | undefined;
  /** CSeq number of the outgoing request. */
  clientCseq = 0;
  /** A final response has gone back, or nobody waits for one any more. */
  #answered = false;
  /** As it went out, for as long as it may have to be sent again. */
  #body: Uint8Array | undefined;
  /** What both sides had agreed on before this request. */
  #agreement: Agreement | undefined;

  constructor(branch: Branch, host: CallHost, from: Side, incoming: Incoming) {
    this.branch = branch;
    this.host = host;
    this.from = from;
    this.incoming = incoming;
  }

  get method(): string {
    return this.incoming.request.method;
  }

  /** CSeq number of the incoming request. */
  get serverCseq(): number {
    return this.incoming.request.headers.read(cseqField)?.number ?? 0;
  }

  get to(): Side {
    return otherSide(this.from);
  }

  get isAnswered(): boolean {
    return this.#answered;
  }

  /** Sends the request on, after its SDP (if any) has been through the relay. */
  start(): void {
    if (this.carriesOffers) {
      const { media } = this.branch;
      media.inOrder(() => {
        this.#agreement = media.agreement;
      });
    }
    this.pass(this.incoming.request, this.from, this.requestRole(), this.incoming.flow, (body) => {
      if (!body.ok) {
        this.refuse(body.error);
        return;
      }
      this.#send(body.value);
    });
  }

  #send(body: Uint8Array): void {
    const dialog = this.branch.dialogs[this.to];
    const request = dialog.createRequest(this.method, { body });
    this.clientCseq = dialog.localCseq;
    this.dress(request.headers, this.incoming.request, body);
    this.#body = body;
    this.clientId = this.host.request(request, dialog.nextHop(), this);
  }

  /** A 422 (RFC 4028 7.3): the same once more, with the session that the other side wants. False: it is the answer. */
  protected sendLonger(response: SipResponse): boolean {
    const body = this.#body;
    this.#body = undefined;
    if (response.status !== 422 || body === undefined || !this.branch.sessionTimers.lengthen(this.to, response)) {
      return false;
    }
    this.forgetClient();
    this.#send(body);
    this.#body = undefined;
    return true;
  }

  handleResponse(response: SipResponse, flow: Flow): void {
    if (response.status === 100 || this.#answered) {
      return;
    }
    if (response.status >= 200 && response.status < 300 && this.method === 'UPDATE') {
      this.branch.dialogs[this.to].refresh(response, flow);
      this.branch.dialogs[this.from].refresh(this.incoming.request, this.incoming.flow);
    }
    if (response.status >= 200) {
      this.forgetClient();
    }
    if (response.status >= 300) {
      if (this.sendLonger(response)) {
        return;
      }
      this.fail(this.backward(response, failureBody(response)));
      return;
    }
    this.pass(response, this.to, 'answer', flow, (body) => {
      if (!body.ok) {
        this.refuse(body.error);
        this.branch.call.end({ by: 'server', reason: body.error.reason, status: body.error.status });
        return;
      }
      this.answer(this.backward(response, body.value));
      this.branch.handleFinal(this, response.status);
    });
  }

  handleFailure(status: 408 | 503, reason: string): void {
    this.forgetClient();
    if (!this.#answered) {
      this.fail(this.createAnswer(status, reason));
    }
  }

  /** The call is over before the other side has answered. */
  abandon(): void {
    this.forgetClient();
    if (!this.#answered) {
      this.answer(this.createAnswer(this.method === 'INVITE' ? 487 : 481));
    }
  }

  /** A response of our own to the one who asked. */
  refuse(refusal: Refusal): void {
    this.fail(this.createAnswer(refusal.status, refusal.reason, refusal.warnCode));
  }

  /** The failure goes back when the relay is as it was before the offer (RFC 3261 14.1). */
  protected fail(response: SipResponse): void {
    const finish = (): void => {
      this.answer(response);
      this.branch.handleFinal(this, response.status);
    };
    if (this.#agreement === undefined || !this.branch.media.restore(this.#agreement, finish)) {
      finish();
    }
  }

  /** The final response is here, or does not matter: the transaction that still lingers need not hold this call. */
  protected forgetClient(): void {
    if (this.clientId !== undefined) {
      this.host.forget(this.clientId);
    }
  }

  /** What makes a session or refreshes it (RFC 4028). */
  get #makesSession(): boolean {
    return this.method === 'INVITE' || this.method === 'UPDATE';
  }

  /** Only the SDP of these is an offer or an answer. */
  protected get carriesOffers(): boolean {
    return this.method === 'INVITE' || this.method === 'UPDATE' || this.method === 'PRACK';
  }

  protected requestRole(): 'offer' | 'answer' {
    return this.method === 'PRACK' ? this.branch.prackRole() : 'offer';
  }

  protected answer(response: SipResponse): void {
    if (!this.#answered) {
      this.#answered = response.status >= 200;
      this.host.respond(this.incoming.key, response);
    }
  }

  protected createAnswer(status: number, reason?: string, warnCode?: number): SipResponse {
    const dialog = this.branch.dialogs[this.from];
    return createResponse(this.incoming.request, status, {
      toTag: dialog.localTag,
      headers: failureHeaders(status, reason, this.incoming.flow, warnCode),
    });
  }

  /** The other side's response, as this side's. */
  protected backward(response: SipResponse, body: Uint8Array): SipResponse {
    const { request, flow } = this.incoming;
    const dialog = this.branch.dialogs[this.from];
    const answer = createResponse(request, response.status, {
      reason: response.reason,
      toTag: dialog.localTag,
      body,
    });
    passResponse(response, answer.headers);
    if (response.status >= 200) {
      this.#body = undefined;
    }
    if (response.status >= 200 && response.status < 300 && this.#makesSession) {
      this.branch.sessionTimers.handleAnswer(this.from, request, response, answer.headers);
    }
    if (response.status < 300 && WITH_CONTACT.has(this.method)) {
      answer.headers.append('Contact', contactOf(flow, this.branch.userTowards(this.from)));
    }
    if (body.length === 0) {
      removeBodyHeaders(answer.headers);
    }
    return answer;
  }

  /** The headers of a request that goes out, besides those of its dialog. */
  protected dress(headers: Headers, original: SipRequest, body: Uint8Array): void {
    const hops = original.headers.read(maxForwards);
    headers.write(maxForwards, hops === undefined ? DEFAULT_MAX_FORWARDS : Math.max(0, hops - 1));
    if (WITH_CONTACT.has(this.method)) {
      headers.append('Contact', contactOf(this.branch.dialogs[this.to].flow, this.branch.userTowards(this.to)));
    }
    const rack = original.headers.get('RAck');
    if (original.method === 'PRACK' && rack !== undefined) {
      headers.append('RAck', this.branch.mapRack(rack, this.from));
    }
    passHeaders(original.headers, headers);
    if (this.#makesSession) {
      this.branch.sessionTimers.dressRequest(this.to, original, headers);
    }
    const replaced = original.headers.read(replaces);
    if (replaced !== undefined) {
      headers.write(replaces, this.host.acrossCall(replaced));
    }
    if (body.length === 0) {
      removeBodyHeaders(headers);
    }
  }

  /** Takes the body across. Only offer and answer concern the relay; SDP in other methods is somebody's data. */
  protected pass(
    message: SipMessage,
    writer: Side,
    role: 'offer' | 'answer',
    flow: Flow,
    done: (result: Result<Uint8Array, Refusal>) => void,
  ): void {
    const { media } = this.branch;
    const inTime = this.carriesOffers
      ? passBody(
          { media, message, writer, role, source: clientOf(flow).address, mediaAddress: this.branch.call.mediaAddress },
          done,
        )
      : media.inOrder(() => done(ok(message.body)));
    if (!inTime) {
      done(err({ status: 503, reason: 'too many messages of this call wait for the media relay' }));
    }
  }
}

/** A failure may tell what would have been acceptable, with addresses that the other side must not see. */
export function failureBody(response: SipResponse): Uint8Array {
  const isReadable = refuseUnreadable(response) === undefined;
  const hasSdp = findSdp(response.headers.get('Content-Type'), response.body) !== undefined;
  return isReadable && !hasSdp ? response.body : EMPTY_BODY;
}

/** Contact crosses where it names other places to try (RFC 3261 21.3, 21.4.23); elsewhere it is a dialog's peer. */
export function passResponse({ status, headers }: SipResponse, onto: Headers): void {
  const namesPlaces = (status >= 300 && status < 400) || status === 485;
  const pass = namesPlaces ? passRedirection : passHeaders;
  pass(headers, onto);
}

/** `<sip:1002@198.51.100.1:5060>`: how a peer on this flow reaches us. */
export function contactOf(flow: Flow, user: string | undefined): string {
  const host = formatHost(flow.sentBy.address);
  const transport = isReliable(flow) ? `;transport=${uriTransport(flow)}` : '';
  return `<sip:${user === undefined ? '' : `${user}@`}${host}:${flow.sentBy.port}${transport}>`;
}

/** A Warning says why; a 503 and a 500 say when to try again, a 415 what is understood (RFC 3261 20.33, 20.43, 20.2). */
export function failureHeaders(
  status: number,
  reason: string | undefined,
  flow: Flow,
  warnCode = 399,
): [string, string][] {
  const headers: [string, string][] = [];
  if (status === 503 || status === 500) {
    headers.push(['Retry-After', String(RETRY_AFTER_SECONDS)]);
  }
  if (status === 415) {
    headers.push(['Accept-Encoding', 'identity']);
  }
  if (reason !== undefined) {
    const agent = `${formatHost(flow.sentBy.address)}:${flow.sentBy.port}`;
    headers.push(['Warning', warning.format({ code: warnCode, agent, text: reason })]);
  }
  return headers;
}
