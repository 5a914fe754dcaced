import type { GuardedAccount } from '../auth/account-guard.ts';
import type { Ban } from '../auth/ban-list.ts';
import type { CallEvent } from '../b2bua/call-record.ts';
import type { RelayCommand, RelayRequestId } from '../b2bua/media-relay.ts';
import type { MailEvent } from '../offline/courier.ts';
import type { RegistrarEvent } from '../registrar/binding.ts';

/** What the SIP server wants done beyond sending messages. */
export type SipServerEffect =
  /** Its outcome is to come back through `handleRelayOutcome`. */
  | { readonly kind: 'relay'; readonly id: RelayRequestId; readonly command: RelayCommand }
  | { readonly kind: 'call'; readonly event: CallEvent }
  | { readonly kind: 'registration'; readonly event: RegistrarEvent }
  | { readonly kind: 'mail'; readonly event: MailEvent }
  /** A source guessed too many passwords: it is not answered for a while. */
  | { readonly kind: 'banned'; readonly ban: Ban }
  /** Many sources guess at one account: it opens only where it has opened before. */
  | { readonly kind: 'guarded'; readonly guarded: GuardedAccount }
  /** Somebody was refused who said to be a user of ours: for the log. */
  | {
      readonly kind: 'denied';
      readonly user: string;
      readonly remote: string;
      readonly method: string;
      readonly reason: string;
    };
