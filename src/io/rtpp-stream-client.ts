/** RTPP over connections: `unix:`, `cunix:` and `tcp:`. The engines decide; here are the sockets. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Log } from '../observe/log.ts';
import { LineClientEngine } from '../rtpp-client/line-client.ts';
import { OneShotClientEngine } from '../rtpp-client/one-shot-client.ts';
import type { RtppOutcome } from '../rtpp-client/outcome.ts';
import type { RetryPolicy, RtppClientOptions } from '../rtpp-client/policy.ts';
import type { ProbeVerdict } from '../rtpp-client/probe.ts';
import type { ConnectionEnd, ConnectionId, StreamClientEffect } from '../rtpp-client/stream-effects.ts';
import { assertNever } from '../wire/assert-never.ts';
import type { TransportAddress } from '../wire/ip-address.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { Probes, type RtppClient, Settlers } from './rtpp-client.ts';

export interface StreamClientConfig {
  readonly name: string;
  readonly framing: 'one-shot' | 'lines';
  readonly connectTo: NetConnectOpts;
  readonly remote: TransportAddress;
  readonly local: TransportAddress;
  readonly options: RtppClientOptions;
  readonly log: Log | undefined;
}

/** Connects when there is something to ask, so one client serves a relay through all its restarts. */
export class StreamRtppClient implements RtppClient {
  readonly name: string;
  readonly remote: TransportAddress;
  readonly local: TransportAddress;
  readonly #connectTo: NetConnectOpts;
  readonly #log: Log | undefined;
  readonly #engine: OneShotClientEngine | LineClientEngine;
  readonly #timer = new DeadlineTimer(() => this.#apply(this.#engine.handleTimeout(performance.now())));
  readonly #settlers = new Settlers();
  readonly #probes = new Probes(this);
  readonly #sockets = new Map<ConnectionId, Socket>();
  #closing: Promise<void> | undefined;

  constructor({ name, framing, connectTo, remote, local, options, log }: StreamClientConfig) {
    this.name = name;
    this.remote = remote;
    this.local = local;
    this.#connectTo = connectTo;
    this.#log = log;
    this.#engine = framing === 'lines' ? new LineClientEngine(options) : new OneShotClientEngine(options);
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
      const open = [...this.#sockets.values()];
      this.#apply(this.#engine.close());
      let left = open.length;
      if (left === 0) {
        resolve();
      }
      for (const socket of open) {
        socket.once('close', () => {
          left -= 1;
          if (left === 0) {
            resolve();
          }
        });
        socket.destroy();
      }
    });
    return this.#closing;
  }

  #apply(effects: readonly StreamClientEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'connect':
          this.#connect(effect.connection, effect.bytes);
          break;
        case 'write':
          this.#sockets.get(effect.connection)?.write(effect.bytes);
          break;
        case 'disconnect':
          this.#sockets.get(effect.connection)?.destroy();
          break;
        case 'settled':
          this.#settlers.settle(effect);
          break;
        case 'stray':
          this.#log?.debug({ remote: this.name, reason: effect.text }, 'bytes that are no RTPP reply');
          this.#probes.tellStray(effect.text);
          break;
        default:
          assertNever(effect);
      }
    }
    this.#timer.arm(this.#engine.nextTimeoutAt());
  }

  #connect(connection: ConnectionId, bytes: Uint8Array): void {
    const socket = connect(this.#connectTo);
    let end: ConnectionEnd = 'ended';
    this.#sockets.set(connection, socket);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#apply(this.#engine.handleBytes(performance.now(), connection, chunk.toString('latin1')));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end = NOBODY_LISTENS.has(error.code ?? '') ? 'refused' : 'broken';
      this.#log?.debug({ remote: this.name, err: error }, 'RTPP connection failed');
    });
    socket.on('close', () => {
      this.#sockets.delete(connection);
      this.#apply(this.#engine.handleEnd(performance.now(), connection, end));
    });
    socket.write(bytes);
  }
}

const NOBODY_LISTENS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT']);
