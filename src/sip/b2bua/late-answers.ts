import type { Dialog } from '../dialog/dialog.ts';
import { maxForwards } from '../message/headers/max-forwards.ts';
import { to as toField } from '../message/headers/to.ts';
import type { SipResponse } from '../message/message.ts';
import type { Flow } from '../transaction/flow.ts';
import type { Datagram } from './effects.ts';
import type { CallHost, ResponseHandler } from './host.ts';

const OWN_MAX_FORWARDS = 70;

export interface DecidedInvite {
  readonly host: CallHost;
  /** The dialog that the INVITE was sent in, or would have made. */
  readonly dialog: Dialog;
  /** CSeq number of the INVITE. */
  readonly cseq: number;
  /** The first INVITE of a branch, whose 2xx from somewhere else makes a dialog of its own. */
  readonly isInitial: boolean;
  /**
   * The ACK as it went out; every repetition of the 2xx gets it again (RFC 3261 13.2.2.4). Undefined: the INVITE was
   * given up before any 2xx came.
   */
  readonly ack: Datagram | undefined;
}

/**
 * What an INVITE still has to do when it is decided and its call is over: 2xx responses may come until Timer M, and
 * each has to be acknowledged. This is all that a server keeps of an ended call for those 32 seconds.
 */
export class LateAnswers implements ResponseHandler {
  readonly #invite: DecidedInvite;

  constructor(invite: DecidedInvite) {
    this.#invite = invite;
  }

  handleResponse(response: SipResponse, flow: Flow): void {
    if (response.status < 200 || response.status >= 300) {
      return;
    }
    const { host, dialog, ack } = this.#invite;
    const isSameAnswer = response.headers.read(toField)?.parameters.get('tag') === dialog.remoteTag;
    if (ack !== undefined && isSameAnswer) {
      host.resend(ack);
    } else {
      this.#release(response, flow);
    }
  }

  handleFailure(): void {
    // It is decided already.
  }

  /** A 2xx that nobody wants any more (RFC 3261 13.2.2.4): a session was made there, so ACK it and end it. */
  #release(response: SipResponse, flow: Flow): void {
    const { host, dialog, cseq, isInitial } = this.#invite;
    const unwanted = isInitial ? dialog.fork(response, flow) : dialog;
    const ack = unwanted.createRequest('ACK', { cseq });
    ack.headers.write(maxForwards, OWN_MAX_FORWARDS);
    host.send(ack, unwanted.nextHop());
    if (isInitial) {
      const bye = unwanted.createRequest('BYE', {});
      bye.headers.write(maxForwards, OWN_MAX_FORWARDS);
      host.requestAndForget(bye, unwanted.nextHop());
    }
  }
}
