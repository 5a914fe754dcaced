/** SIP over UDP (RFC 3261 18): one socket, one message a datagram. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { ImsError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import { formatMessage } from '../../sip/message/format.ts';
import type { SipMessage, SipRequest } from '../../sip/message/message.ts';
import { isKeepAlive, parseMessage } from '../../sip/message/parse.ts';
import { createResponse } from '../../sip/message/response.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { IdSource } from '../../sip/transaction/ids.ts';
import { responseFlow, stampTopVia } from '../../sip/transaction/via-routing.ts';
import {
  familyOf,
  formatTransportAddress,
  isMulticast,
  isWildcard,
  type TransportAddress,
} from '../../wire/ip-address.ts';
import { describeOwner, portOwner } from '../port-owner.ts';
import type { SipTransport, SipTransportCounters } from './transport.ts';

export interface SipUdpTransportOptions {
  /** IP address to bind; the wildcard for all of one family. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  /** The address by which that remote reaches us, for Via and Contact. Default: the bound one. */
  readonly sentBy?: (remote: TransportAddress, local: TransportAddress) => TransportAddress;
  readonly ids: IdSource;
  readonly log?: Log;
}

/** Room for a burst of INVITEs while the event loop is busy; the system may grant less. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** Throws ImsError when the port is taken (naming by whom) or the address is not ours. */
export async function openSipUdpTransport(options: SipUdpTransportOptions): Promise<SipUdpTransport> {
  const type = familyOf(options.host) === 6 ? 'udp6' : 'udp4';
  const socket = createSocket({ type, reuseAddr: false, ipv6Only: type === 'udp6' });
  socket.bind({ address: options.host, port: options.port, exclusive: true });
  try {
    await once(socket, 'listening');
  } catch (cause) {
    socket.close();
    throw bindError(options, cause);
  }
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch (err) {
    options.log?.debug({ err }, 'receive buffer left at the default size');
  }
  return new SipUdpTransport(socket, options);
}

export class SipUdpTransport implements SipTransport {
  readonly local: TransportAddress;
  readonly counters: SipTransportCounters = {
    received: 0,
    sent: 0,
    keepAlives: 0,
    dropped: 0,
    refused: 0,
    unanswerable: 0,
    sendErrors: 0,
  };
  onMessage: ((message: SipMessage, flow: Flow) => void) | undefined;
  readonly #socket: Socket;
  readonly #sentBy: (remote: TransportAddress) => TransportAddress;
  readonly #ids: IdSource;
  readonly #log: Log | undefined;
  #closed: Promise<unknown> | undefined;

  /** Takes a bound socket. Use `openSipUdpTransport`. */
  constructor(socket: Socket, options: SipUdpTransportOptions) {
    const { address, port } = socket.address();
    this.local = { address, port };
    this.#socket = socket;
    this.#sentBy = (remote) => options.sentBy?.(remote, this.local) ?? this.local;
    this.#ids = options.ids;
    this.#log = options.log;
    socket.on('message', (bytes, remote) => this.#receive(bytes, remote));
    socket.on('error', (err) => this.#log?.warn({ err }, 'SIP socket reported an error'));
  }

  flowTo(remote: TransportAddress): Flow {
    return { transport: 'udp', local: this.local, remote, sentBy: this.#sentBy(remote) };
  }

  send(bytes: Uint8Array, flow: Flow, failed: (reason: string) => void): void {
    const fail = (reason: string) => {
      this.counters.sendErrors++;
      failed(reason);
    };
    if (this.#closed !== undefined) {
      queueMicrotask(() => fail('closed'));
    } else if (!isUnicast(flow.remote) || familyOf(flow.remote.address) !== familyOf(this.local.address)) {
      queueMicrotask(() => fail('unroutable address'));
    } else {
      this.counters.sent++;
      this.#socket.send(bytes, flow.remote.port, flow.remote.address, (error) => {
        if (error !== null) {
          fail((error as NodeJS.ErrnoException).code ?? error.message);
        }
      });
    }
  }

  async close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = once(this.#socket, 'close');
      this.#socket.close();
    }
    await this.#closed;
  }

  #receive(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    this.counters.received++;
    if (isKeepAlive(bytes)) {
      this.counters.keepAlives++;
      return;
    }
    const flow = this.flowTo({ address, port });
    if (!isUnicast(flow.remote)) {
      this.counters.unanswerable++;
      return;
    }
    const result = parseMessage(bytes);
    if (result.ok) {
      this.onMessage?.(result.value, flow);
    } else if (result.error.refusal !== undefined) {
      this.counters.refused++;
      this.#refuse(result.error.refusal.request, result.error.refusal.status, result.error.code, flow);
    } else {
      this.counters.dropped++;
      this.#log?.debug({ remote: formatTransportAddress(flow.remote), reason: result.error.code }, 'datagram dropped');
    }
  }

  /** Answers without state: a repetition is answered again. */
  #refuse(request: SipRequest, status: number, code: string, flow: Flow): void {
    stampTopVia(request.headers, flow);
    const reason = status === 400 ? `Bad Request (${code})` : undefined;
    const response = createResponse(request, status, { toTag: this.#ids.tag(), ...(reason && { reason }) });
    const back = responseFlow(request.headers, flow);
    this.#log?.debug(
      { remote: formatTransportAddress(flow.remote), status, reason: code },
      'malformed request refused',
    );
    this.send(formatMessage(response), back, () => undefined);
  }
}

/** An address that one host answers at: nothing is ever sent to a group, to everybody or to nobody. */
function isUnicast({ address, port }: TransportAddress): boolean {
  return (
    port > 0 &&
    port <= 65535 &&
    familyOf(address) !== undefined &&
    !isMulticast(address) &&
    !isWildcard(address) &&
    address !== '255.255.255.255'
  );
}

function bindError({ host, port }: SipUdpTransportOptions, cause: unknown): Error {
  const where = `udp ${formatTransportAddress({ address: host, port })}`;
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE': {
      const owner = describeOwner(portOwner('udp', port, host));
      return new ImsError('IMS_ERR_PORT_IN_USE', `the SIP port ${where} is held by ${owner}`, { cause });
    }
    case 'EADDRNOTAVAIL':
      return new ImsError('IMS_ERR_BIND', `cannot listen for SIP on ${where}: not an address of this machine`, {
        cause,
      });
    case 'EACCES':
      return new ImsError('IMS_ERR_BIND', `cannot listen for SIP on ${where}: permission denied`, { cause });
    default:
      return cause instanceof Error ? cause : new Error(String(cause));
  }
}
