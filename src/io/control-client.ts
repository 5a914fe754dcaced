/** Asks a running launcher over its control socket. */
import { connect, type Socket } from 'node:net';
import { BoundedLines } from '../control/lines.ts';
import { type ControlAnswer, type ControlRequest, formatRequest, parseMessage } from '../control/protocol.ts';

/** A single answer is far smaller; this only bounds what a stranger can send. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** Why there was no answer. */
export type NoAnswer = 'closed' | 'timeout';

export interface AskOptions {
  /** Infinity: as long as the connection lives. */
  readonly timeoutMs: number;
  readonly onItem?: (item: unknown) => void;
}

interface Pending {
  readonly resolve: (answer: ControlAnswer | NoAnswer) => void;
  readonly onItem: ((item: unknown) => void) | undefined;
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #lines = new BoundedLines(MAX_MESSAGE_BYTES);
  /** Resolves when the launcher has closed the connection, which it does last. */
  readonly closed: Promise<void>;
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
    socket.on('error', () => {
      // "close" follows.
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { resolve: answer } of this.#pending.values()) {
          answer('closed');
        }
        this.#pending.clear();
        resolve();
      });
    });
  }

  /** Rejects with the system's error: ENOENT and ECONNREFUSED mean that nobody listens. */
  static connect(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new ControlClient(socket));
      });
    });
  }

  ask(request: ControlRequest, { timeoutMs, onItem }: AskOptions): Promise<ControlAnswer | NoAnswer> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = Number.isFinite(timeoutMs) ? setTimeout(() => settle('timeout'), timeoutMs) : undefined;
      const settle = (answer: ControlAnswer | NoAnswer): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(answer);
      };
      if (this.#socket.destroyed) {
        settle('closed');
        return;
      }
      this.#pending.set(id, { resolve: settle, onItem });
      this.#socket.write(formatRequest(id, request));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Uint8Array): void {
    const { lines, overflow } = this.#lines.push(chunk);
    for (const line of lines) {
      const message = parseMessage(line);
      const pending = typeof message?.id === 'number' ? this.#pending.get(message.id) : undefined;
      if (message?.kind === 'item') {
        pending?.onItem?.(message.item);
      } else if (message?.kind === 'answer') {
        pending?.resolve(message.answer);
      }
    }
    if (overflow) {
      this.#socket.destroy();
    }
  }
}
