import type { DialogSnapshot } from '../dialog/dialog.ts';
import type { Flow } from '../transaction/flow.ts';
import type { Side } from './media-relay.ts';
import type { MediaSnapshot } from './media-session.ts';
import type { SessionAgreements } from './session-timers.ts';

/**
 * An answered call as plain data: enough for another process to take what its parties send within their dialogs, and to
 * end it. Instants are monotonic ms.
 */
export interface CallSnapshot {
  readonly id: string;
  /** Undefined: a trusted peer called. */
  readonly account?: string | undefined;
  /** The caller's INVITE as it came, base64, and what it came in on. */
  readonly invite: string;
  readonly flow: Flow;
  readonly mediaAddress: string;
  readonly status: number;
  readonly invitedAt: number;
  readonly ringingAt?: number | undefined;
  readonly answeredAt: number;
  readonly dialogs: Readonly<Record<Side, DialogSnapshot>>;
  readonly media: MediaSnapshot;
  /** Session timers of the legs that have one; a snapshot of an earlier version has none. */
  readonly sessions?: SessionAgreements | undefined;
  /** CSeq of the INVITE that the callee answered, if an ACK without body is what it waits for. */
  readonly inviteCseq?: number | undefined;
}
