import type { ControlPeer } from '../relay-driver.ts';

/** What a control socket does with what it hears. */
export interface ControlHandler {
  command(peer: ControlPeer, text: string): void;
  /** Standard input ended. */
  ended(): void;
}

export interface ControlSocket {
  /** `udp:127.0.0.1:7722`, with the port that was really bound. */
  readonly name: string;
  /** The port that media must not use. */
  readonly port: number | undefined;
  /** Path of a unix socket, for its owner and mode. */
  readonly path: string | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}
