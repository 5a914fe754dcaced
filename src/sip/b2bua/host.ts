import type { Dialog } from '../dialog/dialog.ts';
import type { SessionTimerOptions } from '../dialog/session-timer.ts';
import type { Replaces } from '../message/headers/replaces.ts';
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts';
import type { TransactionKey } from '../transaction/effects.ts';
import type { Flow } from '../transaction/flow.ts';
import type { IdSource } from '../transaction/ids.ts';
import type { Branch } from './branch.ts';
import type { Call } from './call.ts';
import type { CallEvent } from './call-record.ts';
import type { ClientId, Datagram } from './effects.ts';
import type { RelayCommand, Side } from './media-relay.ts';
import type { MediaSession } from './media-session.ts';

export interface B2buaOptions extends SessionTimerOptions {
  /** Calls at once; one more is answered 503. */
  readonly maxCalls: number;
  /** Calls at once that one account may have placed; 0: no limit. One more is answered 403. */
  readonly maxCallsPerUser: number;
  /** Timer C: an INVITE that nobody answers ends after this time. */
  readonly ringTimeoutMs: number;
  /** How long devices of equal q ring before those with the next lower one do. */
  readonly ringGroupMs: number;
  /** A 3xx is followed, within what the caller could have called; else it is passed on. */
  readonly followsRedirects: boolean;
  /** How often the relay is asked whether it still has a call's session. */
  readonly mediaCheckIntervalMs: number;
  /** After this time without packets the relay forgets a session. */
  readonly relayTimeoutMs: number;
  /** Address that SDP carries in place of the parties' own. */
  readonly mediaAddress: string;
  readonly ids: IdSource;
}

/** Gets a client transaction's outcome. */
export interface ResponseHandler {
  handleResponse(response: SipResponse, flow: Flow): void;
  /** No final response (408), or the request could not be sent (503). */
  handleFailure(status: 408 | 503, reason: string): void;
}

/** Something with a deadline. */
export interface Timed {
  handleTimeout(): void;
}

/** What calls and branches have around them: the B2BUA's tables, and its effects. */
export interface CallHost {
  readonly options: B2buaOptions;
  /** The instant of the fact that is being handled. */
  readonly now: number;
  request(request: SipRequest, flow: Flow, handler: ResponseHandler): ClientId;
  /** What is still to come of a client transaction goes to another handler; the first one can be forgotten. */
  handOver(id: ClientId, handler: ResponseHandler): void;
  /** Nothing that still comes of a client transaction concerns anybody. */
  forget(id: ClientId): void;
  /** Sends a request whose answer nobody needs: BYE of a call that is over. */
  requestAndForget(request: SipRequest, flow: Flow): void;
  cancel(id: ClientId, headers: readonly (readonly [string, string])[]): void;
  respond(key: TransactionKey, response: SipResponse): void;
  /** Sends a message outside of transactions. What it returns can be sent again. */
  send(message: SipMessage, flow: Flow): Datagram;
  resend(datagram: Datagram): void;
  relay(session: MediaSession, command: RelayCommand): void;
  /** Makes in-dialog requests find the branch. */
  addDialog(dialog: Dialog, branch: Branch, side: Side): void;
  removeDialog(dialog: Dialog): void;
  /** The dialog with the other party of a call, for one that a party has with us; others come back as they are. */
  acrossCall(replaces: Replaces): Replaces;
  /** `Infinity` clears it. */
  setDeadline(timed: Timed, at: number): void;
  report(event: CallEvent): void;
  /** The call is over and leaves the tables. */
  remove(call: Call): void;
}
