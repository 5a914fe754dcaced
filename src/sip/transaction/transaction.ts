import { formatMessage } from '../message/format.ts';
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts';
import type { SendEffect, TransactionEffect, TransactionKey } from './effects.ts';
import type { Flow } from './flow.ts';
import type { TimerValues } from './timers.ts';

/** What each machine is made from. */
export interface TransactionInit {
  readonly key: TransactionKey;
  /** A client's request carries our Via already; a server's has its top Via stamped. */
  readonly request: SipRequest;
  /** Where a client's request, or a server's responses, go. */
  readonly flow: Flow;
  readonly timers: TimerValues;
}

/**
 * What the layer needs of each of the four machines. Effects are pushed to `out` in the order they are to happen. A
 * machine lingers for up to 32 s after its work is done: then it keeps no more than the bytes it may have to repeat.
 */
export interface Transaction {
  readonly key: TransactionKey;
  readonly flow: Flow;
  readonly terminated: boolean;
  nextTimeoutAt(): number;
  handleTimeout(now: number, out: TransactionEffect[]): void;
  handleTransportError(reason: string, out: TransactionEffect[]): void;
}

export interface ClientTransaction extends Transaction {
  /** No final response has come yet. */
  readonly unanswered: boolean;
  /** The request as it is sent, while no response at all has come. */
  readonly unheard: SipRequest | undefined;
  /** Of the request on the wire, until a final response has come. */
  readonly sizeBytes: number;
  /** Sends the request for the first time. */
  start(now: number, out: TransactionEffect[]): void;
  handleResponse(now: number, response: SipResponse, out: TransactionEffect[]): void;
}

export interface ServerTransaction extends Transaction {
  /** It has answered for good and is not over: nothing is left but to say the same again. */
  readonly isSpent: boolean;
  /** A request that matches after the first one: a retransmission, or the ACK. */
  handleRequest(now: number, request: SipRequest, out: TransactionEffect[]): void;
  respond(now: number, response: SipResponse, out: TransactionEffect[]): void;
}

/** A message made ready for the wire once, however often it is sent. */
export function prepareSend(message: SipMessage, flow: Flow, key: TransactionKey | undefined): SendEffect {
  return { kind: 'send', bytes: formatMessage(message), flow, key };
}
