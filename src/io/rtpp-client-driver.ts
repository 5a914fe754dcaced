/** Opens a relay's control socket for commands: UDP here, connections in `rtpp-stream-client.ts`. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { ImsError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { formatRelayAddress, parseRelayAddress, type RelayAddress } from '../rtpp/relay-address.ts';
import { type RtppClientEffect, RtppClientEngine } from '../rtpp-client/client.ts';
import type { RtppOutcome } from '../rtpp-client/outcome.ts';
import { type RetryPolicy, RTPP_CLIENT_DEFAULTS, type RtppClientOptions } from '../rtpp-client/policy.ts';
import type { ProbeVerdict } from '../rtpp-client/probe.ts';
import { assertNever } from '../wire/assert-never.ts';
import { type AddressFamily, formatTransportAddress, type TransportAddress } from '../wire/ip-address.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { Probes, type RtppClient, Settlers } from './rtpp-client.ts';
import { StreamRtppClient } from './rtpp-stream-client.ts';

export type { RtppClient } from './rtpp-client.ts';

export type RtppClientTarget = Partial<RtppClientOptions> & { readonly log?: Log | undefined } & (
    | {
        /** IP address or name of the relay's UDP control socket. */
        readonly host: string;
        readonly port: number;
      }
    | {
        /** `udp:HOST:PORT`, `udp6:…`, `tcp:…`, `tcp6:…`, `unix:PATH` (a connection a command), `cunix:PATH` (lines). */
        readonly control: string;
      }
  );

/**
 * One client serves a relay through all its restarts. A UDP socket is connected: only the relay's own address and port
 * can answer, and a refusal is heard of. Connections are made when there is something to ask.
 * @throws ImsError IMS_ERR_RELAY_ADDRESS when the name does not resolve or no route leads there.
 */
export async function openRtppClient(target: RtppClientTarget): Promise<RtppClient> {
  const address = addressOf(target);
  const options = { ...RTPP_CLIENT_DEFAULTS, ...definedOptions(target) };
  const { log } = target;
  if ('path' in address) {
    const here = { address: '127.0.0.1', port: 0 };
    const framing = address.kind === 'unix' ? 'one-shot' : 'lines';
    const name = formatRelayAddress(address);
    return new StreamRtppClient({
      name,
      framing,
      connectTo: { path: address.path },
      remote: here,
      local: here,
      options,
      log,
    });
  }
  const socket = await connect(address);
  if (address.kind === 'udp') {
    return new UdpRtppClient(socket, options, log);
  }
  // The socket has told which of our addresses leads there; nothing was sent.
  const [remote, local] = [socket.remoteAddress(), socket.address()];
  socket.close();
  return new StreamRtppClient({
    name: formatRelayAddress(address),
    framing: 'lines',
    connectTo: { host: remote.address, port: remote.port },
    remote,
    local: { address: local.address, port: 0 },
    options,
    log,
  });
}

function addressOf(target: RtppClientTarget): RelayAddress {
  if ('host' in target) {
    return { kind: 'udp', family: undefined, host: target.host, port: target.port };
  }
  const address = parseRelayAddress(target.control);
  if (!address.ok) {
    throw new ImsError('IMS_ERR_RELAY_ADDRESS', address.error);
  }
  return address.value;
}

function definedOptions({ retry, maxInFlight }: Partial<RtppClientOptions>): Partial<RtppClientOptions> {
  return { ...(retry !== undefined && { retry }), ...(maxInFlight !== undefined && { maxInFlight }) };
}

/** Bits enough that no two clients of a relay, on any host, ever share a cookie. */
const COOKIE_PREFIX_BYTES = 8;

class UdpRtppClient implements RtppClient {
  readonly name: string;
  readonly remote: TransportAddress;
  readonly local: TransportAddress;
  readonly #socket: Socket;
  readonly #log: Log | undefined;
  readonly #engine: RtppClientEngine;
  readonly #timer = new DeadlineTimer(() => this.#apply(this.#engine.handleTimeout(performance.now())));
  readonly #settlers = new Settlers();
  readonly #probes = new Probes(this);
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, options: RtppClientOptions, log: Log | undefined) {
    this.#socket = socket;
    this.#log = log;
    this.remote = socket.remoteAddress();
    this.local = socket.address();
    this.name = formatTransportAddress(this.remote);
    const cookiePrefix = `ims${randomBytes(COOKIE_PREFIX_BYTES).toString('hex')}.`;
    this.#engine = new RtppClientEngine(cookiePrefix, options);
    socket.on('message', (bytes) => {
      this.#apply(this.#engine.handleDatagram(performance.now(), bytes.toString('latin1')));
    });
    socket.on('error', (error) => this.#handleSocketError(error));
  }

  request(command: string, retry?: Partial<RetryPolicy>): Promise<RtppOutcome> {
    return this.#settlers.wait(this.#engine.request(performance.now(), command, retry), (effects) =>
      this.#apply(effects),
    );
  }

  probe(): Promise<ProbeVerdict> {
    return this.#probes.run();
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#apply(this.#engine.close());
      this.#socket.close(() => resolve());
    });
    return this.#closing;
  }

  #apply(effects: readonly RtppClientEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#send(effect.datagram);
          break;
        case 'settled':
          this.#settlers.settle(effect);
          break;
        case 'stray':
          this.#log?.debug({ remote: this.name, reason: effect.text }, 'datagram that is no RTPP reply');
          this.#probes.tellStray(effect.text);
          break;
        default:
          assertNever(effect);
      }
    }
    this.#timer.arm(this.#engine.nextTimeoutAt());
  }

  #send(datagram: Uint8Array): void {
    this.#socket.send(datagram, (error) => {
      if (error !== null) {
        this.#handleSocketError(error);
      }
    });
  }

  /** A refusal comes either by itself or as the result of the next send; the rest is left to the retransmission. */
  #handleSocketError(error: NodeJS.ErrnoException): void {
    if (this.#closing !== undefined) {
      return;
    }
    if (error.code === 'ECONNREFUSED') {
      this.#apply(this.#engine.handleRefused(performance.now()));
      return;
    }
    this.#log?.debug({ remote: this.name, err: error }, 'RTPP command could not be sent');
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly family: AddressFamily | undefined;
}

/** A UDP socket connected to the address, whatever protocol will be spoken. */
async function connect({ host, port, family }: Place): Promise<Socket> {
  let socket: Socket | undefined;
  try {
    const found = await lookup(host, { family: family ?? 0 });
    socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
    const connected = once(socket, 'connect');
    socket.connect(port, found.address);
    await connected;
    return socket;
  } catch (cause) {
    socket?.close();
    const code = (cause as NodeJS.ErrnoException).code;
    throw new ImsError('IMS_ERR_RELAY_ADDRESS', `the relay's address ${host}:${port} cannot be used (${code})`, {
      cause,
    });
  }
}
