/**
 * SIP over connections (RFC 3261 18): TCP, and TLS above it. A message goes over the connection that its flow names, or,
 * when that is gone, over a new one to where the peer takes connections.
 */
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type SecureContextOptions } from 'node:tls';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { IdSource } from '../../sip/transaction/ids.ts';
import { familyOf, formatTransportAddress, isUnicast, type TransportAddress } from '../../wire/ip-address.ts';
import { SipConnection } from './connection.ts';
import { ConnectionListener, type ListenOptions } from './connection-listener.ts';
import { CONNECT_LIMIT_MS, ConnectionTable, isSignOfTrust, SWEEP_MS } from './connection-table.ts';
import { SipReceiver } from './receiver.ts';
import { type SipTransport, zeroCounters } from './transport.ts';

export interface SipStreamTransportOptions extends ListenOptions {
  readonly kind: 'tcp' | 'tls';
  /** The address by which that remote reaches us, for Via and Contact. Default: the bound one. */
  readonly sentBy?: (remote: TransportAddress, local: TransportAddress) => TransportAddress;
  readonly ids: IdSource;
  /** Certificate and key; with `tls` only. */
  readonly tls?: SecureContextOptions;
}

/** For a connection that is only better than UDP, which is there: a firewall that drops it costs no more than this. */
const TRY_LIMIT_MS = 1500;

/** Throws ImsError when the port is taken (naming by whom) or the address is not ours. */
export async function openSipStreamTransport(options: SipStreamTransportOptions): Promise<SipStreamTransport> {
  const { kind, tls } = options;
  const server = kind === 'tls' ? createTlsServer({ ...tls, handshakeTimeout: CONNECT_LIMIT_MS }) : createServer();
  return new SipStreamTransport(await ConnectionListener.open(server, options), options);
}

export class SipStreamTransport implements SipTransport {
  readonly kind: 'tcp' | 'tls';
  readonly local: TransportAddress;
  readonly counters = zeroCounters();
  onMessage: SipTransport['onMessage'];
  onFlowClosed: SipTransport['onFlowClosed'];
  readonly #options: SipStreamTransportOptions;
  readonly #listener: ConnectionListener;
  readonly #receiver: SipReceiver;
  /** By remote address. A connection of ours is there before it is established, so that there is one only. */
  readonly #connections: ConnectionTable<SipConnection>;
  readonly #sweep: NodeJS.Timeout;

  /** Use `openSipStreamTransport`. */
  constructor(listener: ConnectionListener, options: SipStreamTransportOptions) {
    const { kind, ids, log } = options;
    this.kind = kind;
    this.local = listener.local;
    this.#options = options;
    this.#listener = listener;
    this.#connections = new ConnectionTable(options.maxConnections);
    this.#receiver = new SipReceiver({ transport: this, counters: this.counters, ids, log });
    listener.server.on(kind === 'tls' ? 'secureConnection' : 'connection', (socket: Socket) => this.#accept(socket));
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
    if (this.#listener.isClosed) {
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
    this.#listener.useCertificate(certificate);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const ended = this.#listener.close();
    this.#connections.closeAll('this server stops');
    await ended;
  }

  #accept(socket: Socket): void {
    const { remoteAddress: address, remotePort: port } = socket;
    if (address === undefined || port === undefined || this.#listener.isClosed) {
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
