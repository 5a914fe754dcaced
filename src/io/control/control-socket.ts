import type { ControlPeer } from '../relay-driver.ts';

/** What a control socket does with what it hears. */
export interface ControlHandler {
  command(peer: ControlPeer, text: string): void;
  /** Whether a host may send commands to a socket that is bound to `local`; both IP addresses. */
  admits(host: string, local: string): boolean;
  /** Standard input ended. */
  ended(): void;
}

export interface ControlSocket {
  /** `udp:127.0.0.1:7722`, with the port that was really bound. */
  readonly name: string;
  /** IP address that it is bound to; undefined: a unix socket, or none at all. */
  readonly address: string | undefined;
  /** The port that media must not use. */
  readonly port: number | undefined;
  /** Path of a unix socket, for its owner and mode. */
  readonly path: string | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}
