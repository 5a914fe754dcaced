import { Dialog } from '../dialog/dialog.ts';
import { from as fromField } from '../message/headers/from.ts';
import { maxForwards } from '../message/headers/max-forwards.ts';
import { to as toField } from '../message/headers/to.ts';
import type { SipResponse } from '../message/message.ts';
import { Parameters } from '../message/parameters.ts';
import { createResponse } from '../message/response.ts';
import { isBetterFailure, isFlowFailure } from './best-response.ts';
import type { CallTarget } from './branch.ts';
import { failureBody, failureHeaders, type Incoming, passResponse } from './crossing.ts';
import type { CallHost } from './host.ts';
import { passHeaders, removeBodyHeaders } from './pass-through.ts';

/** Where a request comes from, and where its one final response goes. */
export interface RequestOrigin extends Pick<Incoming, 'request' | 'flow'> {
  answer(response: SipResponse): void;
}

/**
 * A request outside of any dialog that makes none, such as MESSAGE, on its way to all devices of a user: the first
 * 2xx is the answer, else the best failure when all have failed.
 */
export class StandaloneRequest {
  readonly #host: CallHost;
  readonly #origin: RequestOrigin;
  readonly #targets: readonly CallTarget[];
  #waiting: number;
  #answered = false;
  #bestFailure: SipResponse | undefined;
  readonly #toTag: string;

  constructor(host: CallHost, origin: RequestOrigin, targets: readonly CallTarget[]) {
    this.#host = host;
    this.#origin = origin;
    this.#targets = targets;
    this.#waiting = targets.length;
    this.#toTag = host.options.ids.tag();
  }

  start(): void {
    for (const target of this.#targets) {
      this.#send(target);
    }
  }

  #send(target: CallTarget): void {
    const { request } = this.#origin;
    const { ids } = this.#host.options;
    const unknown = { displayName: undefined, uri: request.uri, parameters: Parameters.none };
    const dialog = Dialog.asUac({
      callId: ids.callId(),
      localTag: ids.tag(),
      local: request.headers.read(fromField) ?? unknown,
      remote: request.headers.read(toField) ?? unknown,
      target: target.uri,
      path: target.path,
      flow: target.flow,
    });
    const forwarded = dialog.createRequest(request.method, { body: request.body });
    forwarded.headers.write(maxForwards, Math.max(0, (request.headers.read(maxForwards) ?? 70) - 1));
    passHeaders(request.headers, forwarded.headers);
    this.#host.request(forwarded, target.path === undefined ? target.flow : dialog.nextHop(), {
      handleResponse: (response) => this.#handleResponse(target, response),
      handleFailure: (status, reason) => this.#handleFailure(target, this.#create(status, reason), 'server'),
    });
  }

  #handleFailure({ alternates = [] }: CallTarget, response: SipResponse, by: 'callee' | 'server'): void {
    const [alternate, ...others] = alternates;
    if (alternate !== undefined && !this.#answered && isFlowFailure({ response, by })) {
      this.#send({ ...alternate, alternates: others });
    } else {
      this.#handleFinal(response);
    }
  }

  #handleResponse(target: CallTarget, response: SipResponse): void {
    if (response.status < 200) {
      return;
    }
    const { request } = this.#origin;
    const body = response.status >= 300 ? failureBody(response) : response.body;
    const answer = createResponse(request, response.status, {
      reason: response.reason,
      toTag: this.#toTag,
      body,
    });
    passResponse(response, answer.headers);
    if (body.length === 0) {
      removeBodyHeaders(answer.headers);
    }
    this.#handleFailure(target, answer, 'callee');
  }

  #handleFinal(answer: SipResponse): void {
    this.#waiting--;
    if (this.#answered) {
      return;
    }
    if (answer.status >= 300) {
      if (this.#bestFailure === undefined || isBetterFailure(answer.status, this.#bestFailure.status)) {
        this.#bestFailure = answer;
      }
      if (this.#waiting > 0) {
        return;
      }
    }
    this.#answered = true;
    this.#origin.answer(answer.status < 300 ? answer : (this.#bestFailure ?? answer));
  }

  #create(status: number, reason: string): SipResponse {
    const { request, flow } = this.#origin;
    return createResponse(request, status, { toTag: this.#toTag, headers: failureHeaders(status, reason, flow) });
  }
}
