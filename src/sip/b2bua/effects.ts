import type { SipRequest, SipResponse } from '../message/message.ts';
import type { TransactionKey } from '../transaction/effects.ts';
import type { Flow } from '../transaction/flow.ts';
import type { CallEvent } from './call-record.ts';
import type { RelayCommand, RelayRequestId } from './media-relay.ts';

/** A message as it goes out. As bytes, since what may have to be repeated is kept for a while. */
export interface Datagram {
  readonly bytes: Uint8Array;
  readonly flow: Flow;
}

/** Our name for a client transaction, chosen before the transaction layer gives it its key. */
export type ClientId = number;

/** What a B2BUA wants done. */
export type B2buaEffect =
  /** Start a client transaction. Its responses come back under `id`. */
  | { readonly kind: 'request'; readonly id: ClientId; readonly request: SipRequest; readonly flow: Flow }
  /** CANCEL the INVITE of that client transaction. `headers` go into the CANCEL (Reason). */
  | { readonly kind: 'cancel'; readonly id: ClientId; readonly headers: readonly (readonly [string, string])[] }
  | { readonly kind: 'respond'; readonly key: TransactionKey; readonly response: SipResponse }
  /** Outside of transactions: the ACK for a 2xx, a 2xx once more. */
  | ({ readonly kind: 'send' } & Datagram)
  | { readonly kind: 'relay'; readonly id: RelayRequestId; readonly command: RelayCommand }
  | { readonly kind: 'call'; readonly event: CallEvent };
