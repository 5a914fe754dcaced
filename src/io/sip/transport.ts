import type { SipMessage } from '../../sip/message/message.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';

/** A socket, or several, that carry SIP messages one way or the other. */
export interface SipTransport {
  /** Where it is bound. */
  readonly local: TransportAddress;
  readonly counters: Readonly<SipTransportCounters>;
  /** Set by the driver; without it messages are dropped. */
  onMessage: ((message: SipMessage, flow: Flow) => void) | undefined;
  /** The flow on which requests to that address leave. */
  flowTo(remote: TransportAddress): Flow;
  /** `failed` is called, later, when the system refuses the bytes. */
  send(bytes: Uint8Array, flow: Flow, failed: (reason: string) => void): void;
  /** Idempotent; resolves when the socket is closed. */
  close(): Promise<void>;
}

export interface SipTransportCounters {
  received: number;
  sent: number;
  keepAlives: number;
  /** Not SIP, or too broken to be answered. */
  dropped: number;
  /** Malformed requests answered with 400 or 505. */
  refused: number;
  /** From an address that must not be answered: port 0, multicast, broadcast. */
  unanswerable: number;
  sendErrors: number;
}
