/** A relay's control socket as the rest of the program sees it: commands in, outcomes out. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { ImsError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { type RequestId, type RtppClientEffect, RtppClientEngine } from '../rtpp-client/client.ts';
import type { RtppOutcome } from '../rtpp-client/outcome.ts';
import { type RetryPolicy, RTPP_CLIENT_DEFAULTS, type RtppClientOptions } from '../rtpp-client/policy.ts';
import { type ProbeEffect, type ProbeVerdict, RelayProbe } from '../rtpp-client/probe.ts';
import { assertNever } from '../wire/assert-never.ts';
import { formatTransportAddress, type TransportAddress } from '../wire/ip-address.ts';
import { DeadlineTimer } from './deadline-timer.ts';

export interface RtppClientTarget extends Partial<RtppClientOptions> {
  /** IP address or name of the relay's UDP control socket. */
  readonly host: string;
  readonly port: number;
  readonly log?: Log | undefined;
}

export interface RtppClient {
  /** The control socket asked. */
  readonly remote: TransportAddress;
  /** The address that this host uses towards it. */
  readonly local: TransportAddress;
  /**
   * One command, without cookie and LF, as `formatCommand` writes it. Never rejects; any number may be in flight.
   * `retry` overrides the client's policy for this command.
   */
  request(command: string, retry?: Partial<RetryPolicy>): Promise<RtppOutcome>;
  /** Who listens there? Takes at most three seconds. */
  probe(): Promise<ProbeVerdict>;
  /** Idempotent. Requests in flight end as `closed`. */
  close(): Promise<void>;
}

/**
 * Opens a connected UDP socket: only the relay's own address and port can answer, and a refusal is heard of.
 * It survives refusals, so one client serves a relay through all its restarts.
 * @throws ImsError IMS_ERR_RELAY_ADDRESS when the name does not resolve or no route leads there.
 */
export async function openRtppClient(target: RtppClientTarget): Promise<RtppClient> {
  const socket = await connect(target);
  return new UdpRtppClient(socket, target);
}

/** Bits enough that no two clients of a relay, on any host, ever share a cookie. */
const COOKIE_PREFIX_BYTES = 8;

class UdpRtppClient implements RtppClient {
  readonly remote: TransportAddress;
  readonly local: TransportAddress;
  readonly #socket: Socket;
  readonly #log: Log | undefined;
  readonly #engine: RtppClientEngine;
  readonly #timer = new DeadlineTimer(() => this.#apply(this.#engine.handleTimeout(performance.now())));
  readonly #settlers = new Map<RequestId, (outcome: RtppOutcome) => void>();
  /** Probes that run, to be told of datagrams that are nobody's. */
  readonly #probes = new Set<(text: string) => void>();
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, { host: _host, port: _port, log, ...options }: RtppClientTarget) {
    this.#socket = socket;
    this.#log = log;
    this.remote = socket.remoteAddress();
    this.local = socket.address();
    const cookiePrefix = `ims${randomBytes(COOKIE_PREFIX_BYTES).toString('hex')}.`;
    this.#engine = new RtppClientEngine(cookiePrefix, { ...RTPP_CLIENT_DEFAULTS, ...options });
    socket.on('message', (bytes) => {
      this.#apply(this.#engine.handleDatagram(performance.now(), bytes.toString('latin1')));
    });
    socket.on('error', (error) => this.#handleSocketError(error));
  }

  request(command: string, retry?: Partial<RetryPolicy>): Promise<RtppOutcome> {
    return new Promise((resolve) => {
      const { id, effects } = this.#engine.request(performance.now(), command, retry);
      this.#settlers.set(id, resolve);
      this.#apply(effects);
    });
  }

  probe(): Promise<ProbeVerdict> {
    return new Promise((resolve) => {
      const probe = new RelayProbe();
      const tellStray = (text: string): void => run(probe.handleStray(text));
      const run = (effects: readonly ProbeEffect[]): void => {
        for (const effect of effects) {
          if (effect.kind === 'verdict') {
            this.#probes.delete(tellStray);
            resolve(effect.verdict);
          } else {
            const { command, retry } = effect;
            void this.request(command, retry).then((outcome) => run(probe.handleOutcome(command, outcome)));
          }
        }
      };
      this.#probes.add(tellStray);
      run(probe.start());
    });
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
        case 'settled': {
          const settle = this.#settlers.get(effect.id);
          this.#settlers.delete(effect.id);
          settle?.(effect.outcome);
          break;
        }
        case 'stray':
          this.#log?.debug(
            { remote: formatTransportAddress(this.remote), reason: effect.text },
            'datagram that is no RTPP reply',
          );
          for (const tell of this.#probes) {
            tell(effect.text);
          }
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
    this.#log?.debug({ remote: formatTransportAddress(this.remote), err: error }, 'RTPP command could not be sent');
  }
}

async function connect({ host, port }: RtppClientTarget): Promise<Socket> {
  let socket: Socket | undefined;
  try {
    const { address, family } = await lookup(host);
    socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const connected = once(socket, 'connect');
    socket.connect(port, address);
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
