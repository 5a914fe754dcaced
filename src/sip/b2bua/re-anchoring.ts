import { maxForwards } from '../message/headers/max-forwards.ts';
import type { Headers } from '../message/headers.ts';
import { EMPTY_BODY, type SipRequest, type SipResponse } from '../message/message.ts';
import type { Flow } from '../transaction/flow.ts';
import type { Branch } from './branch.ts';
import { contactOf } from './crossing.ts';
import type { ClientId, Datagram } from './effects.ts';
import type { CallHost, Timed } from './host.ts';
import { LateAnswers } from './late-answers.ts';
import type { Side } from './media-relay.ts';
import { MediaSession } from './media-session.ts';
import { passBodyHeaders } from './pass-through.ts';
import { passBody } from './sdp-passage.ts';

/** All of it: a phone that has not answered a re-INVITE by then does not answer its user either. */
const LIMIT_MS = 20_000;

/** After a 491, and while a message of the call is under way (RFC 3261 14.1: 2.1 s to 4 s for who owns the Call-ID). */
const RETRY_MS = 2100;

const OWN_MAX_FORWARDS = 70;

/** Why a call ends that could not be moved. */
const LOST = 'media relay lost';

/** A re-INVITE of ours, from its first transmission until its ACK. */
interface OwnInvite {
  readonly side: Side;
  readonly cseq: number;
  readonly client: ClientId;
  /** A 2xx has come, and the ACK has not been sent. */
  awaitsAck: boolean;
}

/**
 * Moves an answered call whose relay has died to a new relay session. Nobody's SDP need be known for that (RFC 3725 4.1):
 *
 *   caller                     us                      callee
 *     │◄── INVITE, no SDP ─────│
 *     │─── 200, offer ────────►│ ── relay ──►
 *     │                        │── INVITE, offer ────────►│
 *     │                        │◄──── 200, answer ────────│
 *     │            ◄── relay ──│─────────── ACK ─────────►│
 *     │◄── ACK, answer ────────│
 *
 *   idle ──start──► waiting ──► asking ──200──► offering ──200──► idle, with the new session
 *                      ▲  other offer  │ 491      ▲ │ 491: once more
 *                      └───────────────┘          │ └──► any other failure, 20 s: the call ends
 *                                              placing ◄── the relay does not do it: yet another session, same offer
 */
export class ReAnchoring implements Timed {
  readonly #branch: Branch;
  readonly #host: CallHost;
  readonly #finished: () => void;
  #state: 'idle' | 'waiting' | 'asking' | 'placing' | 'offering' = 'idle';
  #giveUpAt = Number.POSITIVE_INFINITY;
  #retryAt = Number.POSITIVE_INFINITY;
  #media: MediaSession | undefined;
  /** The last one that was tried; a command for it may still be under way. */
  #instance: string | undefined;
  /** The caller's 2xx; its ACK waits for the callee's answer. */
  #asked: { readonly response: SipResponse; readonly flow: Flow } | undefined;
  readonly #invites: Partial<Record<Side, OwnInvite>> = {};
  /** What the caller offered, as the callee is to get it. */
  #offer: { readonly body: Uint8Array; readonly headers: Headers } | undefined;

  /** @param finished the branch has its new session */
  constructor(branch: Branch, host: CallHost, finished: () => void) {
    this.#branch = branch;
    this.#host = host;
    this.#finished = finished;
  }

  /** No other offer can be made meanwhile (RFC 3261 14). */
  get isActive(): boolean {
    return this.#state !== 'idle';
  }

  /** Nothing happens if it is under way already. */
  start(delayMs: number): void {
    if (this.#state === 'idle') {
      this.#state = 'waiting';
      this.#giveUpAt = this.#host.now + delayMs + LIMIT_MS;
      this.#retryIn(delayMs);
    }
  }

  /** The branch is over. Idempotent. */
  stop(): void {
    this.#settle(EMPTY_BODY);
    this.#media?.close();
    this.#rest();
  }

  handleTimeout(): void {
    const { now } = this.#host;
    if (now >= this.#giveUpAt) {
      this.#fail();
      return;
    }
    this.#retryAt = Number.POSITIVE_INFINITY;
    this.#arm();
    if (this.#state === 'offering') {
      this.#inviteCallee();
    } else if (this.#state === 'placing') {
      this.#place();
    } else if (this.#branch.hasPendingOffer) {
      this.#retryIn(RETRY_MS);
    } else {
      this.#state = 'asking';
      this.#invite('caller', EMPTY_BODY, undefined);
    }
  }

  #invite(side: Side, body: Uint8Array, bodyHeaders: Headers | undefined): void {
    const dialog = this.#branch.dialogs[side];
    const request = dialog.createRequest('INVITE', { body });
    const { headers } = request;
    headers.write(maxForwards, OWN_MAX_FORWARDS);
    headers.append('Contact', contactOf(dialog.flow, this.#branch.userTowards(side)));
    if (bodyHeaders !== undefined) {
      passBodyHeaders(bodyHeaders, headers);
    }
    this.#branch.sessionTimers.dressOwn(side, headers);
    const client = this.#host.request(request, dialog.nextHop(), {
      handleResponse: (response, flow) => this.#handleResponse(side, response, flow),
      handleFailure: () => this.#handleRejection(side, 408),
    });
    this.#invites[side] = { side, cseq: dialog.localCseq, client, awaitsAck: false };
  }

  #handleResponse(side: Side, response: SipResponse, flow: Flow): void {
    const invite = this.#invites[side];
    if (invite === undefined || invite.awaitsAck || response.status < 200) {
      return;
    }
    if (response.status >= 300) {
      this.#host.forget(invite.client);
      this.#handleRejection(side, response.status, response);
      return;
    }
    invite.awaitsAck = true;
    this.#branch.dialogs[side].refresh(response, flow);
    this.#branch.sessionTimers.handleOwnAnswer(side, response);
    if (side === 'caller') {
      this.#asked = { response, flow };
      this.#place();
    } else {
      this.#pass(side, response, flow);
    }
  }

  #place(): void {
    if (this.#asked !== undefined) {
      this.#state = 'offering';
      this.#media = this.#newSession();
      this.#pass('caller', this.#asked.response, this.#asked.flow);
    }
  }

  /** The relay that was to take the call is gone, too, or not yet there. */
  #placeLater(): void {
    this.#settleSide('callee', EMPTY_BODY);
    this.#media?.close();
    this.#media = undefined;
    this.#offer = undefined;
    this.#state = 'placing';
    this.#retryIn(RETRY_MS);
  }

  /** The SDP of a 2xx goes through the new session, and then to the other side. */
  #pass(writer: Side, message: SipResponse, { remote }: Flow): void {
    const media = this.#media as MediaSession;
    const role = writer === 'caller' ? 'offer' : 'answer';
    const { mediaAddress } = this.#branch.call;
    passBody({ media, message, writer, role, source: remote.address, mediaAddress }, (body) => {
      if (media !== this.#media) {
        return;
      }
      if (!body.ok && body.error.status === 503) {
        this.#placeLater();
      } else if (!body.ok || body.value.length === 0) {
        this.#fail();
      } else if (writer === 'caller') {
        this.#offer = { body: body.value, headers: message.headers };
        this.#inviteCallee();
      } else {
        this.#finish(media, body.value, message.headers);
      }
    });
  }

  #inviteCallee(): void {
    if (this.#offer !== undefined) {
      this.#invite('callee', this.#offer.body, this.#offer.headers);
    }
  }

  #finish(media: MediaSession, answer: Uint8Array, headers: Headers): void {
    this.#settle(answer, headers);
    this.#media = undefined;
    this.#rest();
    this.#branch.moveTo(media);
    this.#finished();
  }

  #handleRejection(side: Side, status: number, response?: SipResponse): void {
    delete this.#invites[side];
    const isTooBrief = response !== undefined && status === 422 && this.#branch.sessionTimers.lengthen(side, response);
    if (status === 491 || isTooBrief) {
      this.#state = side === 'caller' ? 'waiting' : 'offering';
      this.#retryIn(RETRY_MS);
    } else if (status === 408 || status === 481) {
      this.#branch.call.end({ by: 'server', reason: `the ${side} no longer knows the call` });
    } else {
      this.#fail();
    }
  }

  #fail(): void {
    this.#branch.call.end({ by: 'server', reason: LOST });
  }

  /** Each 2xx gets its ACK, also when all was in vain; what is still to come of an INVITE is no longer ours. */
  #settle(answer: Uint8Array, answerHeaders?: Headers): void {
    this.#settleSide('callee', EMPTY_BODY);
    this.#settleSide('caller', answer, answerHeaders);
  }

  #settleSide(side: Side, body: Uint8Array, bodyHeaders?: Headers): void {
    const invite = this.#invites[side];
    if (invite !== undefined) {
      const dialog = this.#branch.dialogs[side];
      const ack = invite.awaitsAck ? this.#acknowledge(invite, body, bodyHeaders) : undefined;
      const { cseq } = invite;
      this.#host.handOver(invite.client, new LateAnswers({ host: this.#host, dialog, cseq, isInitial: false, ack }));
      delete this.#invites[side];
    }
  }

  #acknowledge({ side, cseq }: OwnInvite, body: Uint8Array, bodyHeaders: Headers | undefined): Datagram {
    const dialog = this.#branch.dialogs[side];
    const ack: SipRequest = dialog.createRequest('ACK', { cseq, body });
    ack.headers.write(maxForwards, OWN_MAX_FORWARDS);
    if (body.length > 0 && bodyHeaders !== undefined) {
      passBodyHeaders(bodyHeaders, ack.headers);
    }
    return this.#host.send(ack, dialog.nextHop());
  }

  #newSession(): MediaSession {
    const { session } = this.#branch.media;
    const instance = nextInstance(this.#instance ?? session.instance);
    this.#instance = instance;
    const media: MediaSession = new MediaSession({ ...session, instance }, (command) =>
      this.#host.relay(media, command),
    );
    media.answer();
    return media;
  }

  #rest(): void {
    this.#state = 'idle';
    this.#asked = undefined;
    this.#offer = undefined;
    this.#retryAt = Number.POSITIVE_INFINITY;
    this.#giveUpAt = Number.POSITIVE_INFINITY;
    this.#arm();
  }

  #retryIn(delayMs: number): void {
    this.#retryAt = this.#host.now + delayMs;
    this.#arm();
  }

  #arm(): void {
    this.#host.setDeadline(this, Math.min(this.#retryAt, this.#giveUpAt));
  }
}

/** Each session of a branch has a name of its own, also after a restart of this process. */
function nextInstance(instance: string): string {
  const [, first = instance, count = '0'] = /^(.*)\.m([0-9]{1,9})$/.exec(instance) ?? [];
  return `${first}.m${Number(count) + 1}`;
}
