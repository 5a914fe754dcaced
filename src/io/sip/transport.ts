import type { SecureContextOptions } from 'node:tls';
import type { SipMessage } from '../../sip/message/message.ts';
import type { Flow, FlowTransport } from '../../sip/transaction/flow.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';

/** A bound socket, with the connections that belong to it, if it is one for connections. */
export interface SipTransport {
  readonly kind: FlowTransport;
  /** Where it is bound. */
  readonly local: TransportAddress;
  readonly counters: Readonly<SipTransportCounters>;
  /** Set by the driver; without it messages are dropped. The bytes are those that came, and valid during the call. */
  onMessage: ((message: SipMessage, flow: Flow, bytes: Uint8Array) => void) | undefined;
  /** Set by the driver: the connection of that flow has ended. Never for UDP. */
  onFlowClosed: ((flow: Flow, reason: string) => void) | undefined;
  /** The flow on which requests to that address leave. */
  flowTo(remote: TransportAddress): Flow;
  /** `failed` is called, later, when the system refuses the bytes. */
  send(bytes: Uint8Array, flow: Flow, failed: (reason: string) => void): void;
  /** For connections to come: those that are there keep theirs. With TLS only. */
  useCertificate?(certificate: SecureContextOptions): void;
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

export function zeroCounters(): SipTransportCounters {
  return { received: 0, sent: 0, keepAlives: 0, dropped: 0, refused: 0, unanswerable: 0, sendErrors: 0 };
}
