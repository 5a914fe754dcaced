/**
 * An INVITE on its way through a branch, the first one or a re-INVITE, with what only an INVITE has: provisional
 * responses, a 2xx that is repeated until the ACK comes (RFC 3261 13.3.1.4), and an ACK that goes end to end.
 *
 *   open ──2xx──► answering ──SDP through the relay──► answered ──ACK──► acknowledged
 *     └──failure, cancel──► closed                        └──64*T1──► the call ends
 */

import { findSdp } from '../../sdp/body.ts';
import { AnswerRetransmission } from '../dialog/answer-retransmission.ts';
import { maxForwards } from '../message/headers/max-forwards.ts';
import { to as toField } from '../message/headers/to.ts';
import { EMPTY_BODY, type SipRequest, type SipResponse } from '../message/message.ts';
import type { Flow } from '../transaction/flow.ts';
import { responseFlow } from '../transaction/via-routing.ts';
import type { Branch } from './branch.ts';
import { Crossing, failureBody, type Incoming } from './crossing.ts';
import type { Datagram } from './effects.ts';
import type { CallHost, Timed } from './host.ts';
import { LateAnswers } from './late-answers.ts';
import type { Side } from './media-relay.ts';
import { passHeaders, removeBodyHeaders } from './pass-through.ts';
import type { Refusal } from './sdp-passage.ts';

type InviteState = 'open' | 'answering' | 'answered' | 'acknowledged' | 'closed';

const OWN_MAX_FORWARDS = 70;

export class InviteCrossing extends Crossing implements Timed {
  /** The first INVITE of its branch: it makes the dialogs, and competes with those of the other branches. */
  readonly isInitial: boolean;
  /** The INVITE carries the offer; else the 2xx does, and the ACK the answer. */
  readonly hasOffer: boolean;
  #state: InviteState = 'open';
  #answer: SipResponse | undefined;
  #retransmission: AnswerRetransmission | undefined;
  /** The ACK that went out; sent again for each repeated 2xx. */
  #ack: Datagram | undefined;

  constructor(branch: Branch, host: CallHost, from: Side, incoming: Incoming, isInitial: boolean) {
    super(branch, host, from, incoming);
    this.isInitial = isInitial;
    const { headers, body } = incoming.request;
    this.hasOffer = findSdp(headers.get('Content-Type'), body) !== undefined;
  }

  /** Until the ACK no other offer may be made (RFC 3261 14). */
  get isPending(): boolean {
    return this.#state !== 'acknowledged' && this.#state !== 'closed';
  }

  /** The 2xx has gone on, and the ACK for it has not. */
  get awaitsAck(): boolean {
    return this.#answer !== undefined;
  }

  override start(): void {
    if (!this.isInitial) {
      this.host.setDeadline(this, this.host.now + this.host.options.ringTimeoutMs);
    }
    super.start();
  }

  override handleResponse(response: SipResponse, flow: Flow): void {
    if (response.status === 100) {
      return;
    }
    if (response.status < 200) {
      this.#handleProvisional(response, flow);
    } else if (response.status < 300) {
      this.#handleSuccess(response, flow);
    } else if (this.#state !== 'open' || !this.sendLonger(response)) {
      this.forgetClient();
      this.#handleRejection(response);
    }
  }

  #handleRejection(response: SipResponse): void {
    if (this.#state === 'open') {
      this.#close();
      if (this.isInitial) {
        const failure = this.backward(response, failureBody(response));
        this.branch.fail({ response: failure, by: this.to, reason: response.reason });
      } else {
        this.fail(this.backward(response, failureBody(response)));
      }
    }
  }

  override handleFailure(status: 408 | 503, reason: string): void {
    this.forgetClient();
    if (this.#state !== 'open') {
      return;
    }
    this.#close();
    if (this.isInitial) {
      this.branch.fail({ response: this.createAnswer(status, reason), by: 'server', reason });
    } else {
      super.handleFailure(status, reason);
    }
  }

  override refuse(refusal: Refusal): void {
    this.#close();
    if (this.isInitial) {
      const response = this.createAnswer(refusal.status, refusal.reason, refusal.warnCode);
      this.branch.fail({ response, by: 'server', reason: refusal.reason });
    } else {
      super.refuse(refusal);
    }
  }

  /** CANCEL from the sender, or another branch has won. The peer's final response still comes. */
  cancel(headers: readonly (readonly [string, string])[]): void {
    if (this.clientId !== undefined && this.#state === 'open') {
      this.host.cancel(this.clientId, headers);
    }
  }

  /** The ACK for the 2xx that this side was sent. */
  handleAck(request: SipRequest, flow: Flow): void {
    if (this.#state !== 'answered') {
      return;
    }
    this.#state = 'acknowledged';
    this.host.setDeadline(this, Number.POSITIVE_INFINITY);
    this.pass(request, this.from, 'answer', flow, (body) => {
      if (!body.ok) {
        this.acknowledge();
        this.branch.call.end({ by: 'server', reason: body.error.reason });
        return;
      }
      this.acknowledge(request, body.value);
      if (this.isInitial) {
        this.branch.call.handleChange();
      } else {
        this.#handOver();
        this.branch.handleFinal(this, 200);
      }
    });
  }

  /** Sends the ACK for the 2xx of the other side, if it waits for one. */
  acknowledge(original?: SipRequest, body: Uint8Array = EMPTY_BODY): void {
    if (this.#ack !== undefined || this.#answer === undefined) {
      return;
    }
    const dialog = this.branch.dialogs[this.to];
    const request = dialog.createRequest('ACK', { cseq: this.clientCseq, body });
    request.headers.write(maxForwards, OWN_MAX_FORWARDS);
    if (original !== undefined) {
      passHeaders(original.headers, request.headers);
    }
    if (body.length === 0) {
      removeBodyHeaders(request.headers);
    }
    this.#ack = this.host.send(request, dialog.nextHop());
    this.#answer = undefined;
    this.#retransmission = undefined;
  }

  handleTimeout(): void {
    if (this.#state === 'open') {
      this.cancel([]);
      this.#close();
      this.#handOver();
      this.fail(this.createAnswer(408, 'nobody answered the re-INVITE'));
      return;
    }
    switch (this.#retransmission?.handleTimeout(this.host.now)) {
      case 'retransmit':
        if (this.#answer !== undefined) {
          this.host.send(this.#answer, responseFlow(this.incoming.request.headers, this.incoming.flow));
        }
        break;
      case 'give-up':
        this.#retransmission = undefined;
        this.branch.call.end({ by: 'server', reason: `no ACK from the ${this.from}` });
        return;
      case undefined:
        break;
    }
    this.#armRetransmission();
  }

  /** Another process has seen it through. */
  settle(): void {
    this.#state = 'acknowledged';
  }

  /** The call is over. What the caller of the first INVITE is told is the call's business. */
  override abandon(): void {
    if (!this.isInitial) {
      this.answer(this.createAnswer(487));
    }
    this.acknowledge();
    this.#close();
    this.#handOver();
  }

  #handleProvisional(response: SipResponse, flow: Flow): void {
    if (this.#state !== 'open') {
      return;
    }
    if (this.isInitial) {
      this.branch.dialogs[this.to].update(response, flow);
    }
    this.pass(response, this.to, this.hasOffer ? 'answer' : 'offer', flow, (body) => {
      if (this.#state !== 'open') {
        return;
      }
      if (!body.ok) {
        this.cancel([]);
        this.refuse(body.error);
        return;
      }
      this.answer(this.backward(response, body.value));
      if (this.isInitial) {
        this.branch.call.handleProgress(this.branch, response.status);
      }
    });
  }

  #handleSuccess(response: SipResponse, flow: Flow): void {
    const dialog = this.branch.dialogs[this.to];
    if (this.#state !== 'open') {
      const isSameAnswer = response.headers.read(toField)?.parameters.get('tag') === dialog.remoteTag;
      // While the caller's ACK is awaited there is none to repeat.
      if (this.#ack !== undefined || this.#state === 'closed' || !isSameAnswer) {
        this.#lateAnswers().handleResponse(response, flow);
      }
      return;
    }
    if (this.isInitial) {
      if (!this.branch.call.acceptAnswer(this.branch)) {
        this.#close();
        this.#lateAnswers().handleResponse(response, flow);
        return;
      }
      dialog.update(response, flow);
    } else {
      dialog.refresh(response, flow);
      this.branch.dialogs[this.from].refresh(this.incoming.request, this.incoming.flow);
    }
    this.#state = 'answering';
    this.branch.media.answer();
    this.#answer = this.backward(response, EMPTY_BODY);
    this.pass(response, this.to, this.hasOffer ? 'answer' : 'offer', flow, (body) => {
      if (!body.ok) {
        this.acknowledge();
        // The caller of a first INVITE gets its final response from the call.
        if (!this.isInitial) {
          this.answer(this.createAnswer(body.error.status, body.error.reason, body.error.warnCode));
        }
        this.#close();
        this.branch.call.end({ by: 'server', reason: body.error.reason, status: body.error.status });
        return;
      }
      this.#state = 'answered';
      this.#answer = this.backward(response, body.value);
      this.answer(this.#answer);
      this.#retransmission = new AnswerRetransmission(this.host.now);
      this.#armRetransmission();
      if (this.isInitial) {
        this.branch.call.handleAnswered(this.branch, response.status);
      }
    });
  }

  #handOver(): void {
    if (this.clientId !== undefined) {
      this.host.handOver(this.clientId, this.#lateAnswers());
    }
  }

  /** Answers after the one that counted, or after the INVITE was given up. */
  #lateAnswers(): LateAnswers {
    const { host, to, clientCseq: cseq, isInitial } = this;
    return new LateAnswers({ host, dialog: this.branch.dialogs[to], cseq, isInitial, ack: this.#ack });
  }

  #armRetransmission(): void {
    const retransmits = this.#state === 'answered' && this.#retransmission !== undefined;
    this.host.setDeadline(
      this,
      retransmits ? (this.#retransmission?.nextTimeoutAt() ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
    );
  }

  #close(): void {
    this.#state = 'closed';
    this.host.setDeadline(this, Number.POSITIVE_INFINITY);
  }
}
