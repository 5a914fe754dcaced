/** One WebSocket that carries SIP (RFC 7118): a message a frame, and pings that keep its way through proxies open. */
import { isUtf8 } from 'node:buffer';
import type { RawData, WebSocket } from 'ws';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { type KeptConnection, LINGER_MS, MAX_UNREAD_BYTES, STRANGER_LIMIT_MS } from './connection-table.ts';

export interface WebSocketListener {
  message(bytes: Uint8Array): void;
  /** Comes once. */
  closed(reason: string): void;
}

/** Proxies close what is silent for a minute, as a rule; milliseconds. */
const PING_AFTER_MS = 25_000;

/** A peer that does not answer a ping for so long is gone, milliseconds. */
const PONG_LIMIT_MS = 30_000;

/** RFC 6455 7.4.1: the server goes away. */
const GOING_AWAY = 1001;

export class WebSocketConnection implements KeptConnection {
  readonly remote: TransportAddress;
  isTrusted = false;
  usedAt: number;
  readonly #socket: WebSocket;
  /** When any frame last came, monotonic milliseconds. */
  #heardAt: number;
  /** When the ping was sent that has no answer yet; undefined: there is none. */
  #pingedAt: number | undefined;
  #reason: string | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, remote: TransportAddress, now: number, listener: WebSocketListener) {
    this.remote = remote;
    this.usedAt = now;
    this.#heardAt = now;
    this.#socket = socket;
    socket.on('message', (data: RawData) => {
      this.usedAt = performance.now();
      this.#heard();
      // Of the forms that it could have, this is the one that a socket has unless told otherwise.
      listener.message(data as Buffer);
    });
    socket.on('ping', (data) => {
      this.#heard();
      // One who asks without reading gets no more answers.
      if (socket.bufferedAmount < MAX_UNREAD_BYTES) {
        socket.pong(data);
      }
    });
    socket.on('pong', () => this.#heard());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ??= error.code ?? error.message;
    });
    socket.once('close', (code) => {
      clearTimeout(this.#linger);
      listener.closed(this.#reason ?? `closed by the peer (${code})`);
    });
  }

  /** `failed` comes later, when the bytes did not get out. Text as RFC 7118 wants it, if the message is text. */
  write(bytes: Uint8Array, failed: (reason: string) => void): void {
    if (this.#socket.bufferedAmount > MAX_UNREAD_BYTES) {
      this.#reason ??= 'the peer does not read';
      this.#socket.terminate();
    }
    this.usedAt = performance.now();
    this.#socket.send(bytes, { binary: !isUtf8(bytes) }, (error) => {
      if (error != null) {
        failed(this.#reason ?? (error as NodeJS.ErrnoException).code ?? error.message);
      }
    });
  }

  /** Asks a peer of whom nothing was heard for a while whether it is there. */
  probe(now: number): void {
    if (this.#pingedAt === undefined && now - this.#heardAt > PING_AFTER_MS && this.#linger === undefined) {
      this.#pingedAt = now;
      this.#socket.ping();
    }
  }

  overdue(now: number): string | undefined {
    if (this.#pingedAt !== undefined && now - this.#pingedAt > PONG_LIMIT_MS) {
      return 'no answer to a ping';
    }
    return !this.isTrusted && now - this.usedAt > STRANGER_LIMIT_MS ? 'silent' : undefined;
  }

  close(reason: string): void {
    if (this.#linger === undefined) {
      this.#reason ??= reason;
      this.#socket.close(GOING_AWAY);
      this.#linger = setTimeout(() => this.#socket.terminate(), LINGER_MS);
    }
  }

  #heard(): void {
    this.#heardAt = performance.now();
    this.#pingedAt = undefined;
  }
}
