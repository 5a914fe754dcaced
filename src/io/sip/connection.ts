/** One connection that carries SIP messages: bytes to messages, and writes that a peer who does not read cannot pile up. */
import type { Socket } from 'node:net';
import { type FramingError, MessageFramer } from '../../sip/message/framing.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { type KeptConnection, LINGER_MS, MAX_UNREAD_BYTES, STRANGER_LIMIT_MS } from './connection-table.ts';

export interface SipConnectionListener {
  message(bytes: Uint8Array): void;
  keepAlive(): void;
  /** What still comes is not looked at; the connection closes when the answer, if there is one, is written. */
  broken(code: FramingError, head: Uint8Array | undefined): void;
  /** Comes once. */
  closed(reason: string): void;
}

/** A message that began must be whole after this time, milliseconds. */
const MESSAGE_LIMIT_MS = 30_000;

/** Probes of the system find a peer that vanished without a word, milliseconds. */
const TCP_KEEPALIVE_MS = 60_000;

const PONG = '\r\n';

export class SipConnection implements KeptConnection {
  readonly remote: TransportAddress;
  isTrusted = false;
  usedAt: number;
  readonly #socket: Socket;
  readonly #framer = new MessageFramer();
  #messageBeganAt = Number.POSITIVE_INFINITY;
  #reason: string | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: Socket, remote: TransportAddress, now: number, listener: SipConnectionListener) {
    this.remote = remote;
    this.usedAt = now;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.on('data', (bytes) => this.#read(bytes, listener));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ??= error.code ?? error.message;
    });
    socket.on('end', () => this.close('closed by the peer'));
    socket.once('close', () => {
      clearTimeout(this.#linger);
      listener.closed(this.#reason ?? 'closed');
    });
  }

  /** `failed` comes later, when the bytes did not get out. */
  write(bytes: Uint8Array | string, failed: (reason: string) => void): void {
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) {
      this.#destroy('the peer does not read');
    }
    this.usedAt = performance.now();
    this.#socket.write(bytes, (error) => {
      if (error != null) {
        failed(this.#reason ?? (error as NodeJS.ErrnoException).code ?? error.message);
      }
    });
  }

  overdue(now: number): string | undefined {
    if (now - this.#messageBeganAt > MESSAGE_LIMIT_MS) {
      return 'a message was never completed';
    }
    return !this.isTrusted && now - this.usedAt > STRANGER_LIMIT_MS ? 'silent' : undefined;
  }

  /** What was written goes out first, and is not lost to a reset because of what we did not read. Idempotent. */
  close(reason: string): void {
    if (this.#linger === undefined) {
      this.#reason ??= reason;
      this.#socket.end();
      this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    }
  }

  #destroy(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  #read(bytes: Uint8Array, listener: SipConnectionListener): void {
    this.usedAt = performance.now();
    for (const item of this.#framer.push(bytes)) {
      switch (item.kind) {
        case 'message':
          listener.message(item.bytes);
          break;
        case 'ping':
          listener.keepAlive();
          this.write(PONG, () => {});
          break;
        case 'broken':
          listener.broken(item.code, item.head);
          this.close(item.code);
          break;
      }
      this.#messageBeganAt = Number.POSITIVE_INFINITY;
    }
    if (this.#framer.pendingBytes > 0 && this.#messageBeganAt === Number.POSITIVE_INFINITY) {
      this.#messageBeganAt = this.usedAt;
    }
  }
}
