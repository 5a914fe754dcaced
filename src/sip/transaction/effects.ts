import type { Brand } from '../../wire/brand.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import type { Flow } from './flow.ts';

/** Names one transaction of a layer. Opaque. */
export type TransactionKey = Brand<string, 'TransactionKey'>;

/** Bytes for the transport. May be kept by the user and issued again (a 2xx, its ACK). */
export interface SendEffect {
  readonly kind: 'send';
  readonly bytes: Uint8Array;
  readonly flow: Flow;
  /** Whose message it is, for `handleTransportError`; undefined outside of transactions. */
  readonly key: TransactionKey | undefined;
}

/** What the layer tells its user (the "TU" of RFC 3261 17). */
export type TransactionEvent =
  /** A new request: answer it with `respond(key)`. For an INVITE the layer sends the 100 itself. */
  | { readonly kind: 'request'; readonly key: TransactionKey; readonly request: SipRequest; readonly flow: Flow }
  /** An ACK to a 2xx: it belongs to a dialog, to no transaction. */
  | { readonly kind: 'ack'; readonly request: SipRequest; readonly flow: Flow }
  /** A CANCEL for an INVITE that has no final response yet. `key` is the INVITE's: answer that with a 487. */
  | { readonly kind: 'cancel'; readonly key: TransactionKey; readonly request: SipRequest }
  /** A response to our request: any provisional but no 100 twice, each 2xx of an INVITE, else one final. */
  | { readonly kind: 'response'; readonly key: TransactionKey; readonly response: SipResponse; readonly flow: Flow }
  /** No final response in time (timer B or F): stands for a 408. `terminated` follows. */
  | { readonly kind: 'timeout'; readonly key: TransactionKey }
  /** The message could not be sent: stands for a 503 (RFC 3261 8.1.3.1). `terminated` follows. */
  | { readonly kind: 'transport-error'; readonly key: TransactionKey; readonly reason: string }
  /** No ACK for our 300–699 came (timer H). `terminated` follows. */
  | { readonly kind: 'ack-timeout'; readonly key: TransactionKey }
  /** The last effect of each transaction whose key was told to the user. */
  | { readonly kind: 'terminated'; readonly key: TransactionKey };

export type TransactionEffect = SendEffect | TransactionEvent;
