/** The listening socket of a transport of connections: TCP, with TLS and HTTP above it or without. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { type SecureContextOptions, Server as TlsServer } from 'node:tls';
import type { Log } from '../../observe/log.ts';
import { familyOf, type TransportAddress } from '../../wire/ip-address.ts';
import { sipBindError } from './bind-error.ts';

export interface ListenOptions {
  /** IP address to bind; the wildcard for all of one family. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  /** Connections at once. One more costs the one that was silent longest, a stranger's first. */
  readonly maxConnections: number;
  readonly log?: Log;
}

export class ConnectionListener<S extends Server = Server> {
  readonly server: S;
  readonly local: TransportAddress;
  #closed: Promise<void> | undefined;

  /** Throws ImsError when the port is taken (naming by whom) or the address is not ours. */
  static async open<S extends Server>(server: S, options: ListenOptions): Promise<ConnectionListener<S>> {
    const { host, port, maxConnections, log } = options;
    // Handshakes that never end count here, though not among the transport's connections.
    server.maxConnections = 2 * maxConnections;
    server.listen({ host, port, ipv6Only: familyOf(host) === 6, exclusive: true });
    try {
      await once(server, 'listening');
    } catch (cause) {
      throw sipBindError('tcp', { address: host, port }, cause);
    }
    return new ConnectionListener(server, log);
  }

  private constructor(server: S, log: Log | undefined) {
    const { address, port } = server.address() as { address: string; port: number };
    this.server = server;
    this.local = { address, port };
    // A handshake that fails is the peer's affair; the socket is destroyed by Node.
    server.on('tlsClientError', (err: Error) => log?.debug({ err }, 'TLS handshake failed'));
    server.on('error', (err) => log?.warn({ err }, 'SIP socket reported an error'));
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** For connections to come; without TLS nothing. */
  useCertificate(certificate: SecureContextOptions): void {
    if (this.server instanceof TlsServer) {
      this.server.setSecureContext(certificate);
    }
  }

  /** Takes no more connections; resolves when the last one of those that there are has ended. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.server.close(() => resolve()));
    return this.#closed;
  }
}
