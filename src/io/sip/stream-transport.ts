/**
 * SIP over connections (RFC 3261 18): TCP, and TLS above it. A message goes over the connection that its flow names, or,
 * when that is gone, over a new one to where the peer takes connections.
 */
import { once } from 'node:events';
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import {
  connect as connectTls,
  createServer as createTlsServer,
  type SecureContextOptions,
  Server as TlsServer,
} from 'node:tls';
import type { Log } from '../../observe/log.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { IdSource } from '../../sip/transaction/ids.ts';
import { familyOf, formatTransportAddress, isUnicast, type TransportAddress } from '../../wire/ip-address.ts';
import { sipBindError } from './bind-error.ts';
import { SipConnection } from './connection.ts';
import { CONNECT_LIMIT_MS, ConnectionTable, isSignOfTrust, SWEEP_MS } from './connection-table.ts';
import { SipReceiver } from './receiver.ts';
import { type SipTransport, zeroCounters } from './transport.ts';

export interface SipStreamTransportOptions {
  readonly kind: 'tcp' | 'tls';
  /** IP address to bind; the wildcard for all of one family. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  /** The address by which that remote reaches us, for Via and Contact. Default: the bound one. */
  readonly sentBy?: (remote: TransportAddress, local: TransportAddress) => TransportAddress;
  readonly ids: IdSource;
  readonly log?: Log;
  /** Connections at once. One more costs the one that was silent longest, a stranger's first. */
  readonly maxConnections: number;
  /** Certificate and key; with `tls` only. */
  readonly tls?: SecureContextOptions;
}

/** For a connection that is only better than UDP, which is there: a firewall that drops it costs no more than this. */
const TRY_LIMIT_MS = 1500;

/** Throws ImsError when the port is taken (naming by whom) or the address is not ours. */
export async function openSipStreamTransport(options: SipStreamTransportOptions): Promise<SipStreamTransport> {
  const { kind, host, port } = options;
  const server =
    kind === 'tls' ? createTlsServer({ ...options.tls, handshakeTimeout: CONNECT_LIMIT_MS }) : createServer();
  // Handshakes that never end count here, though not among our connections.
  server.maxConnections = 2 * options.maxConnections;
  server.listen({ host, port, ipv6Only: familyOf(host) === 6, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw sipBindError('tcp', { address: host, port }, cause);
  }
  return new SipStreamTransport(server, options);
}

export class SipStreamTransport implements SipTransport {
  readonly kind: 'tcp' | 'tls';
  readonly local: TransportAddress;
  readonly counters = zeroCounters();
  onMessage: SipTransport['onMessage'];
  onFlowClosed: SipTransport['onFlowClosed'];
  readonly #options: SipStreamTransportOptions;
  readonly #server: Server;
  readonly #receiver: SipReceiver;
  /** By remote address. A connection of ours is there before it is established, so that there is one only. */
  readonly #connections: ConnectionTable<SipConnection>;
  readonly #sweep: NodeJS.Timeout;
  #closed: Promise<unknown> | undefined;

  /** Takes a listening server. Use `openSipStreamTransport`. */
  constructor(server: Server, options: SipStreamTransportOptions) {
    const { address, port } = server.address() as { address: string; port: number };
    const { kind, ids, log } = options;
    this.kind = kind;
    this.local = { address, port };
    this.#options = options;
    this.#server = server;
    this.#connections = new ConnectionTable(options.maxConnections);
    this.#receiver = new SipReceiver({ transport: this, counters: this.counters, ids, log });
    server.on(kind === 'tls' ? 'secureConnection' : 'connection', (socket: Socket) => this.#accept(socket));
    // A handshake that fails is the peer's affair; the socket is destroyed by Node.
    server.on('tlsClientError', (error: Error) => log?.debug({ err: error }, 'TLS handshake failed'));
    server.on('error', (err) => log?.warn({ err }, 'SIP socket reported an error'));
    this.#sweep = setInterval(() => this.#connections.closeOverdue(performance.now()), SWEEP_MS);
    this.#sweep.unref();
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  flowTo(remote: TransportAddress): Flow {
    const sentBy = this.#options.sentBy?.(remote, this.local) ?? this.local;
    return { transport: this.kind, local: this.local, remote, sentBy };
  }

  send(bytes: Uint8Array, flow: Flow, failed: (reason: string) => void): void {
    const fail = (reason: string): void => {
      this.counters.sendErrors++;
      failed(reason);
    };
    const there = this.#connections.get(flow.remote);
    const target = there?.remote ?? flow.listens ?? flow.remote;
    if (this.#closed !== undefined) {
      queueMicrotask(() => fail('closed'));
    } else if (!isUnicast(target) || familyOf(target.address) !== familyOf(this.local.address)) {
      queueMicrotask(() => fail('unroutable address'));
    } else {
      this.counters.sent++;
      const connection =
        there ??
        this.#connections.get(target) ??
        this.#connect(target, flow.insteadOf === undefined ? CONNECT_LIMIT_MS : TRY_LIMIT_MS);
      connection.isTrusted ||= isSignOfTrust(bytes);
      connection.write(bytes, fail);
    }
  }

  useCertificate(certificate: SecureContextOptions): void {
    if (this.#server instanceof TlsServer) {
      this.#server.setSecureContext(certificate);
    }
  }

  async close(): Promise<void> {
    if (this.#closed === undefined) {
      clearInterval(this.#sweep);
      this.#closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
      this.#connections.closeAll('this server stops');
    }
    await this.#closed;
  }

  #accept(socket: Socket): void {
    const { remoteAddress: address, remotePort: port } = socket;
    if (address === undefined || port === undefined || this.#closed !== undefined) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    this.#add(socket, { address, port });
  }

  #connect(remote: TransportAddress, limitMs: number): SipConnection {
    const { kind, tls } = this.#options;
    const { address: host, port } = remote;
    const socket = kind === 'tls' ? connectTls({ ca: tls?.ca, host, port }) : connectTcp({ host, port });
    const connection = this.#add(socket, remote);
    const limit = setTimeout(() => socket.destroy(timedOut()), limitMs);
    socket.once(kind === 'tls' ? 'secureConnect' : 'connect', () => clearTimeout(limit));
    socket.once('close', () => clearTimeout(limit));
    return connection;
  }

  #add(socket: Socket, remote: TransportAddress): SipConnection {
    const flow = this.flowTo(remote);
    const connection: SipConnection = new SipConnection(socket, remote, performance.now(), {
      message: (bytes) => {
        this.counters.received++;
        this.#receiver.receive(bytes, flow);
      },
      keepAlive: () => {
        this.counters.keepAlives++;
      },
      broken: (code, head) => {
        this.counters.received++;
        this.#receiver.refuseUnframed(head, code, flow);
      },
      closed: (reason) => {
        this.#connections.remove(connection);
        this.#options.log?.debug({ remote: formatTransportAddress(remote), reason }, 'connection closed');
        this.onFlowClosed?.(flow, reason);
      },
    });
    this.#connections.add(connection);
    return connection;
  }
}

function timedOut(): Error {
  return Object.assign(new Error('no answer to the connection'), { code: 'ETIMEDOUT' });
}
