/** SIP over UDP (RFC 3261 18): one socket, one message a datagram. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Log } from '../../observe/log.ts';
import { isKeepAlive } from '../../sip/message/parse.ts';
import { answerStunBinding, isStun } from '../../sip/message/stun-binding.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { IdSource } from '../../sip/transaction/ids.ts';
import { familyOf, isUnicast, type TransportAddress } from '../../wire/ip-address.ts';
import { sipBindError } from './bind-error.ts';
import { SipReceiver } from './receiver.ts';
import { type SipTransport, zeroCounters } from './transport.ts';

export interface SipUdpTransportOptions {
  /** IP address to bind; the wildcard for all of one family. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  /** The address by which that remote reaches us, for Via and Contact. Default: the bound one. */
  readonly sentBy?: (remote: TransportAddress, local: TransportAddress) => TransportAddress;
  readonly ids: IdSource;
  readonly log?: Log;
  /** Another socket of ours has the same port, on the wildcard or on one address; default: nobody may have it. */
  readonly shared?: boolean;
}

/** Room for a burst of INVITEs while the event loop is busy; the system may grant less. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/**
 * Only addresses are ever sent to: asking Node to resolve one would cost a turn of its queue for each message.
 * Throws ImsError when the port is taken (naming by whom) or the address is not ours.
 */
export async function openSipUdpTransport(options: SipUdpTransportOptions): Promise<SipUdpTransport> {
  const type = familyOf(options.host) === 6 ? 'udp6' : 'udp4';
  const socket = createSocket({
    type,
    reuseAddr: options.shared === true,
    ipv6Only: type === 'udp6',
    lookup: (address, _options, found) => found(null, address, type === 'udp6' ? 6 : 4),
  });
  const listening = once(socket, 'listening');
  socket.bind({ address: options.host, port: options.port, exclusive: true });
  try {
    await listening;
  } catch (cause) {
    socket.close();
    throw sipBindError('udp', { address: options.host, port: options.port }, cause);
  }
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch (err) {
    options.log?.debug({ err }, 'receive buffer left at the default size');
  }
  return new SipUdpTransport(socket, options);
}

export class SipUdpTransport implements SipTransport {
  readonly kind = 'udp';
  readonly local: TransportAddress;
  readonly counters = zeroCounters();
  onMessage: SipTransport['onMessage'];
  onFlowClosed: SipTransport['onFlowClosed'];
  readonly #socket: Socket;
  readonly #sentBy: (remote: TransportAddress) => TransportAddress;
  readonly #receiver: SipReceiver;
  readonly #log: Log | undefined;
  #closed: Promise<unknown> | undefined;

  /** Takes a bound socket. Use `openSipUdpTransport`. */
  constructor(socket: Socket, options: SipUdpTransportOptions) {
    const { address, port } = socket.address();
    this.local = { address, port };
    this.#socket = socket;
    this.#sentBy = (remote) => options.sentBy?.(remote, this.local) ?? this.local;
    this.#log = options.log;
    const { ids, log } = options;
    this.#receiver = new SipReceiver({ transport: this, counters: this.counters, ids, log });
    socket.on('message', (bytes, remote) => this.#receive(bytes, remote));
    socket.on('error', (err) => this.#log?.warn({ err }, 'SIP socket reported an error'));
  }

  flowTo(remote: TransportAddress): Flow {
    return { transport: this.kind, local: this.local, remote, sentBy: this.#sentBy(remote) };
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
    if (isStun(bytes)) {
      this.#answerStun(bytes, flow);
      return;
    }
    this.#receiver.receive(bytes, flow);
  }

  /** Who gets no answer to its keep-alive takes the flow for dead (RFC 5626 4.4.2). */
  #answerStun(bytes: Uint8Array, flow: Flow): void {
    const answer = answerStunBinding(bytes, flow.remote);
    if (answer === undefined) {
      this.counters.dropped++;
      return;
    }
    this.counters.keepAlives++;
    this.send(answer, flow, () => {});
  }
}
