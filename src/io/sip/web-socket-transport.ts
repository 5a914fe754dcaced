/** SIP over WebSocket (RFC 7118), with TLS or without. Browsers connect to us; where they are gone, nobody is called. */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { isKeepAlive, MAX_MESSAGE_BYTES } from '../../sip/message/parse.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { IdSource } from '../../sip/transaction/ids.ts';
import { formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';
import { ConnectionListener, type ListenOptions } from './connection-listener.ts';
import { CONNECT_LIMIT_MS, ConnectionTable, isSignOfTrust, SWEEP_MS } from './connection-table.ts';
import { forwardedFor } from './forwarded-for.ts';
import { SipReceiver } from './receiver.ts';
import { type SipTransport, zeroCounters } from './transport.ts';
import { isOriginAllowed, type OriginRules } from './web-origin.ts';
import { WebSocketConnection } from './web-socket-connection.ts';

export interface SipWebSocketTransportOptions extends ListenOptions {
  readonly kind: 'ws' | 'wss';
  /** The address by which that remote reaches us, for Via and Contact. Default: the bound one. */
  readonly sentBy?: (remote: TransportAddress, local: TransportAddress) => TransportAddress;
  readonly ids: IdSource;
  readonly origins: OriginRules;
  /** IP addresses of proxies that are believed when they say by whom they were asked. */
  readonly trustedProxies?: readonly string[];
  /** Certificate and key; with `wss` only. */
  readonly tls?: SecureContextOptions;
}

/** What a client asks for, and is promised (RFC 7118 4.1). */
const SUBPROTOCOL = 'sip';

/** RFC 5626 4.4.1, as clients send it in a frame of its own; answered with half of it. */
const PING_BYTES = 4;
const PONG = Buffer.from('\r\n');

/** Throws ImsError when the port is taken (naming by whom) or the address is not ours. */
export async function openSipWebSocketTransport(options: SipWebSocketTransportOptions): Promise<SipWebSocketTransport> {
  const { kind, tls } = options;
  const limits = {
    headersTimeout: CONNECT_LIMIT_MS,
    requestTimeout: CONNECT_LIMIT_MS,
    connectionsCheckingInterval: 1000,
  };
  const server =
    kind === 'wss'
      ? createSecureServer({ ...limits, ...tls, handshakeTimeout: CONNECT_LIMIT_MS })
      : createServer(limits);
  return new SipWebSocketTransport(await ConnectionListener.open(server, options), options);
}

export class SipWebSocketTransport implements SipTransport {
  readonly kind: 'ws' | 'wss';
  readonly local: TransportAddress;
  readonly counters = zeroCounters();
  onMessage: SipTransport['onMessage'];
  onFlowClosed: SipTransport['onFlowClosed'];
  readonly #options: SipWebSocketTransportOptions;
  readonly #listener: ConnectionListener<Server>;
  readonly #handshake: WebSocketServer;
  readonly #receiver: SipReceiver;
  readonly #connections: ConnectionTable<WebSocketConnection>;
  readonly #sweep: NodeJS.Timeout;

  /** Use `openSipWebSocketTransport`. */
  constructor(listener: ConnectionListener<Server>, options: SipWebSocketTransportOptions) {
    const { server } = listener;
    const { kind, ids, log } = options;
    this.kind = kind;
    this.local = listener.local;
    this.#options = options;
    this.#listener = listener;
    this.#connections = new ConnectionTable(options.maxConnections);
    this.#handshake = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Messages are short, and a compressed one may be a bomb.
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      autoPong: false,
      handleProtocols: () => SUBPROTOCOL,
    });
    this.#receiver = new SipReceiver({ transport: this, counters: this.counters, ids, log });
    server.on('request', (_request, response: ServerResponse) => {
      response.writeHead(426, { Connection: 'close', Upgrade: 'websocket' }).end('SIP over WebSocket\n');
    });
    server.on('upgrade', (request: IncomingMessage, socket, head) => this.#upgrade(request, socket, head));
    this.#sweep = setInterval(() => this.#tend(performance.now()), SWEEP_MS);
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
    const connection = this.#connections.get(flow.remote);
    if (connection === undefined || this.#listener.isClosed) {
      queueMicrotask(() => fail(connection === undefined ? 'its connection is gone' : 'closed'));
      return;
    }
    this.counters.sent++;
    connection.isTrusted ||= isSignOfTrust(bytes);
    connection.write(bytes, fail);
  }

  useCertificate(certificate: SecureContextOptions): void {
    this.#listener.useCertificate(certificate);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const ended = this.#listener.close();
    this.#connections.closeAll('this server stops');
    // Those that have not become WebSockets.
    this.#listener.server.closeAllConnections();
    await ended;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { remoteAddress: address, remotePort: port } = request.socket;
    const { origin } = request.headers;
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    if (address === undefined || port === undefined || this.#listener.isClosed) {
      socket.on('error', () => {});
      socket.destroy();
    } else if (!isOriginAllowed(origin, this.#options.origins)) {
      this.#refuse(socket, 403, { address, port }, 'a page of another origin: see ims.wsOrigins');
    } else if (!offered.includes(SUBPROTOCOL)) {
      this.#refuse(socket, 400, { address, port }, 'the subprotocol "sip" was not offered');
    } else {
      this.#handshake.handleUpgrade(request, socket, head, (webSocket) => {
        const forwarded = request.headers['x-forwarded-for'];
        const header = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
        const client = forwardedFor(header, address, this.#options.trustedProxies ?? []);
        this.#add(webSocket, { address, port }, client);
      });
    }
  }

  #refuse(socket: Duplex, status: number, remote: TransportAddress, reason: string): void {
    this.#options.log?.debug({ remote: formatTransportAddress(remote), status, reason }, 'WebSocket refused');
    socket.on('error', () => {});
    socket.once('finish', () => socket.destroy());
    const length = Buffer.byteLength(reason) + 1;
    const type = 'Content-Type: text/plain; charset=utf-8';
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${type}\r\nContent-Length: ${length}\r\n\r\n${reason}\n`,
    );
  }

  #add(socket: WebSocket, remote: TransportAddress, client: string | undefined): void {
    const flow: Flow = { ...this.flowTo(remote), ...(client !== undefined && { client }) };
    const connection = new WebSocketConnection(socket, remote, performance.now(), {
      message: (bytes) => {
        this.counters.received++;
        if (!isKeepAlive(bytes)) {
          this.#receiver.receive(bytes, flow);
          return;
        }
        this.counters.keepAlives++;
        if (bytes.length === PING_BYTES) {
          connection.write(PONG, () => {});
        }
      },
      closed: (reason) => {
        this.#connections.remove(connection);
        this.#options.log?.debug({ remote: formatTransportAddress(remote), reason }, 'connection closed');
        this.onFlowClosed?.(flow, reason);
      },
    });
    this.#connections.add(connection);
  }

  #tend(now: number): void {
    for (const connection of this.#connections.all()) {
      connection.probe(now);
    }
    this.#connections.closeOverdue(now);
  }
}
