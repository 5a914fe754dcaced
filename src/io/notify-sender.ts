/**
 * Tells proxies of sessions that timed out and of keys that were pressed (`-n`). The relay is the client: it connects when
 * there is something to say and keeps the connection. A target that is not there loses its messages, with one line in the
 * log; nothing waits.
 */
import { connect, type Socket } from 'node:net';
import type { Log } from '../observe/log.ts';
import { LogLimit } from '../relay/log-limit.ts';
import { formatNotifyTarget, type NotifyAddress } from '../rtpp/notify.ts';

/** Bytes that wait for a listener which does not read; more are dropped. */
const MAX_WAITING_BYTES = 256 * 1024;

/** Connections kept: `%%CC_SELF%%` makes one for each host that sends commands. The one idle longest goes. */
const MAX_CONNECTIONS = 64;

const CONNECT_TIMEOUT_MS = 3000;

/** Messages that were written to a connection when it broke are sent again on a new one, this many times. */
const MAX_TRIES = 3;

interface Message {
  readonly text: string;
  tries: number;
}

export class NotifySender {
  readonly #log: Log;
  readonly #limit = new LogLimit();
  readonly #connections = new Map<string, Connection>();
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `text` is the whole message, latin1. Never throws. */
  send(target: NotifyAddress, text: string): void {
    if (this.#closed) {
      return;
    }
    const name = formatNotifyTarget(target);
    const connection = this.#connections.get(name) ?? new Connection(target, (reason) => this.#lost(name, reason));
    // Moved to the end: the map is in the order of the last use.
    this.#connections.delete(name);
    this.#connections.set(name, connection);
    this.#makeRoom();
    connection.send(text);
  }

  /** Idempotent. What is written already still arrives. */
  async close(): Promise<void> {
    this.#closed = true;
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of connections) {
      connection.close();
    }
  }

  #makeRoom(): void {
    for (const [name, oldest] of this.#connections) {
      if (this.#connections.size <= MAX_CONNECTIONS) {
        return;
      }
      this.#connections.delete(name);
      oldest.close();
    }
  }

  #lost(target: string, { count, cause }: Loss): void {
    if (this.#limit.allow(performance.now()) !== undefined) {
      const fields = { remote: target, count, reason: cause };
      this.#log.warn(fields, 'notifications are lost: their listener cannot be reached');
    }
  }
}

interface Loss {
  readonly count: number;
  readonly cause: string;
}

class Connection {
  readonly #target: NotifyAddress;
  readonly #onLoss: (loss: Loss) => void;
  #socket: Socket | undefined;
  #connected = false;
  /** Not yet known to have left: in order. */
  #waiting: Message[] = [];
  #waitingBytes = 0;

  constructor(target: NotifyAddress, onLoss: (loss: Loss) => void) {
    this.#target = target;
    this.#onLoss = onLoss;
  }

  send(text: string): void {
    if (this.#waitingBytes + text.length > MAX_WAITING_BYTES) {
      this.#onLoss({ count: 1, cause: 'the listener does not read' });
      return;
    }
    const message = { text, tries: 0 };
    this.#waiting.push(message);
    this.#waitingBytes += text.length;
    if (this.#socket === undefined) {
      this.#open();
    } else if (this.#connected) {
      this.#write(message);
    }
  }

  close(): void {
    if (this.#connected) {
      this.#socket?.end();
      this.#socket?.unref();
    } else {
      this.#socket?.destroy();
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #open(): void {
    const socket = connect(
      this.#target.kind === 'unix' ? { path: this.#target.path } : { host: this.#target.host, port: this.#target.port },
    );
    this.#socket = socket;
    let cause = 'the listener closed the connection';
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
      cause = 'no connection in time';
      socket.destroy();
    });
    socket.on('connect', () => {
      this.#connected = true;
      socket.setTimeout(0);
      // A relay that is told to end does not wait for a listener.
      socket.unref();
      for (const message of this.#waiting) {
        this.#write(message);
      }
    });
    // Nothing is read from a listener; its bytes are thrown away so that its end is seen.
    socket.resume();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      cause = error.code ?? error.message;
    });
    socket.on('close', () => this.#handleClose(socket, cause));
  }

  #write(message: Message): void {
    const socket = this.#socket;
    message.tries += 1;
    socket?.write(message.text, 'latin1', (error) => {
      // An error is followed by "close", which decides; the kernel has taken the rest.
      if (!error && socket === this.#socket) {
        this.#forget((waiting) => waiting === message);
      }
    });
  }

  #handleClose(socket: Socket, cause: string): void {
    if (socket !== this.#socket) {
      return;
    }
    const wasConnected = this.#connected;
    this.#socket = undefined;
    this.#connected = false;
    const before = this.#waiting.length;
    this.#forget(({ tries }) => !wasConnected || tries >= MAX_TRIES);
    const count = before - this.#waiting.length;
    if (count > 0) {
      this.#onLoss({ count, cause });
    }
    if (this.#waiting.length > 0) {
      this.#open();
    }
  }

  #forget(isGone: (message: Message) => boolean): void {
    this.#waiting = this.#waiting.filter((message) => !isGone(message));
    this.#waitingBytes = this.#waiting.reduce((sum, { text }) => sum + text.length, 0);
  }
}
