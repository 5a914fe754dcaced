/** A SIP message that went by, for people. */
export interface TracedMessage {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly direction: 'received' | 'sent';
  /** `udp`, `tcp`, `tls`, `ws`, `wss`. */
  readonly transport: string;
  /** address:port of ours, and of the other side. */
  readonly local: string;
  readonly remote: string;
  readonly callId: string;
  /** Call-ID of the caller's leg, where the message belongs to a call; else its own. */
  readonly call: string;
  /** The message, secrets masked. */
  readonly text: string;
}
