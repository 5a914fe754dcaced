/**
 * The control socket's connections. Whatever is sent here, the supervisor goes on: lines, clients and open requests
 * are bounded, and a reader that does not read is cut off.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { BoundedLines } from '../control/lines.ts';
import {
  type ControlAnswer,
  type ControlErrorCode,
  type ControlRequest,
  formatAnswer,
  formatItem,
  MAX_REQUEST_BYTES,
  parseRequest,
  type RequestId,
} from '../control/protocol.ts';
import type { Log } from '../observe/log.ts';
import { claimEndpoint, type Endpoint } from './control-endpoint.ts';

/** Bytes that may wait for a reader. */
const MAX_QUEUED_BYTES = 1024 * 1024;

const MAX_CLIENTS = 256;
const MAX_OPEN_REQUESTS = 32;

/** So much that is no request, and the connection ends: this is no client of ours. */
const MAX_BAD_REQUESTS = 100;

/** A connection without an open request is closed after this time, milliseconds. */
const IDLE_MS = 60_000;

/** One request on its way to its one answer. */
export interface Exchange {
  readonly request: ControlRequest;
  item(value: unknown): void;
  answer(result: unknown): void;
  refuse(code: ControlErrorCode, message: string): void;
  /** Called once, when the exchange is over: answered, or its asker is gone. */
  onEnd(callback: () => void): void;
}

export type ControlHandler = (exchange: Exchange) => void;

export class ControlServer {
  readonly #path: string;
  readonly #handler: ControlHandler;
  readonly #log: Log;
  readonly #connections = new Set<Connection>();
  #server: Server | undefined;
  #endpoint: Endpoint | undefined;
  #closed = false;

  private constructor(path: string, handler: ControlHandler, log: Log) {
    this.#path = path;
    this.#handler = handler;
    this.#log = log;
  }

  /**
   * @throws ImsError IMS_ERR_LOCKED when another launcher listens on `path`
   * @throws the system's error when there can be no socket of that name
   */
  static async open(path: string, handler: ControlHandler, log: Log): Promise<ControlServer> {
    const control = new ControlServer(path, handler, log);
    await control.claim();
    return control;
  }

  get path(): string {
    return this.#path;
  }

  /** False when the file is gone, or another process has put its own in the place of ours. */
  isHeld(): boolean {
    return this.#endpoint?.isHeld() === true;
  }

  /** Takes the name, again if it was lost; those who are connected stay so. Throws as `open` does. */
  async claim(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    const endpoint = await claimEndpoint(server, this.#path);
    server.on('error', (err) => this.#log.warn({ path: this.#path, err }, 'the control socket failed'));
    this.#server?.close();
    this.#server = server;
    this.#endpoint = endpoint;
    if (this.#closed) {
      this.close();
    }
  }

  /** Answers that are under way still go out; a reader that stalls is not waited for. */
  close(): void {
    this.#closed = true;
    this.#endpoint?.release();
    this.#server?.close();
    for (const connection of this.#connections) {
      connection.close();
    }
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= MAX_CLIENTS) {
      socket.on('error', () => {});
      socket.end(formatAnswer(null, errorAnswer('too-many', `${MAX_CLIENTS} clients are connected already`)));
      socket.destroySoon();
      return;
    }
    const connection = new Connection(socket, this.#handler, this.#log);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #handler: ControlHandler;
  readonly #log: Log;
  readonly #lines = new BoundedLines(MAX_REQUEST_BYTES);
  readonly #open = new Set<OpenExchange>();
  #badRequests = 0;
  /** Nothing that it says is listened to any more. */
  #isRefused = false;
  /** The client will ask nothing more. */
  #ended = false;

  constructor(socket: Socket, handler: ControlHandler, log: Log) {
    this.#socket = socket;
    this.#handler = handler;
    this.#log = log;
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
    socket.on('end', () => {
      this.#ended = true;
      const last = this.#isRefused ? undefined : this.#lines.end();
      if (last !== undefined && last.trim() !== '') {
        this.#take(last);
      }
      this.#endWhenIdle();
    });
    socket.on('error', () => {
      // A client that went away; "close" follows.
    });
    socket.once('close', () => {
      for (const exchange of [...this.#open]) {
        exchange.end();
      }
    });
    socket.setTimeout(IDLE_MS, () => {
      if (this.#open.size === 0) {
        socket.destroy();
      }
    });
  }

  close(): void {
    this.#socket.destroySoon();
  }

  #read(chunk: Uint8Array): void {
    const { lines, overflow } = this.#lines.push(chunk);
    for (const line of lines) {
      if (this.#socket.destroyed || this.#badRequests > MAX_BAD_REQUESTS) {
        break;
      }
      this.#take(line);
    }
    if (overflow || this.#badRequests > MAX_BAD_REQUESTS) {
      this.#isRefused = true;
      const reason = overflow ? `a request has at most ${MAX_REQUEST_BYTES} bytes` : 'this is no client of ours';
      this.#send(formatAnswer(null, errorAnswer(overflow ? 'too-long' : 'too-many', reason)));
      this.#socket.removeAllListeners('data').resume();
      this.#socket.destroySoon();
    }
  }

  #take(line: string): void {
    const { id, request } = parseRequest(line);
    if (!request.ok) {
      this.#badRequests += 1;
      this.#send(formatAnswer(id, { ok: false, error: request.error }));
      return;
    }
    if (this.#open.size >= MAX_OPEN_REQUESTS) {
      this.#send(formatAnswer(id, errorAnswer('too-many', `${MAX_OPEN_REQUESTS} requests are open already`)));
      return;
    }
    const exchange = new OpenExchange(id, request.value, (text) => this.#send(text));
    this.#open.add(exchange);
    exchange.onEnd(() => {
      this.#open.delete(exchange);
      this.#endWhenIdle();
    });
    try {
      this.#handler(exchange);
    } catch (err) {
      this.#log.error({ err, command: request.value.verb }, 'a control request could not be answered');
      exchange.refuse('internal', 'this is a bug in ims-launch; its log has more');
    }
  }

  #send(text: string): void {
    if (!this.#socket.writable) {
      return;
    }
    this.#socket.write(text);
    if (this.#socket.writableLength > MAX_QUEUED_BYTES) {
      this.#log.debug({ count: this.#socket.writableLength }, 'a control client does not read and is cut off');
      this.#socket.destroy();
    }
  }

  #endWhenIdle(): void {
    if (this.#ended && this.#open.size === 0) {
      this.#socket.end();
    }
  }
}

class OpenExchange implements Exchange {
  readonly request: ControlRequest;
  readonly #id: RequestId;
  readonly #send: (text: string) => void;
  readonly #endings: (() => void)[] = [];
  #isOver = false;

  constructor(id: RequestId, request: ControlRequest, send: (text: string) => void) {
    this.#id = id;
    this.request = request;
    this.#send = send;
  }

  item(value: unknown): void {
    if (!this.#isOver) {
      this.#send(formatItem(this.#id, value));
    }
  }

  answer(result: unknown): void {
    this.#finish({ ok: true, result });
  }

  refuse(code: ControlErrorCode, message: string): void {
    this.#finish(errorAnswer(code, message));
  }

  onEnd(callback: () => void): void {
    if (this.#isOver) {
      callback();
    } else {
      this.#endings.push(callback);
    }
  }

  /** Without an answer: nobody is there to take it. */
  end(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      for (const ending of this.#endings) {
        ending();
      }
    }
  }

  #finish(answer: ControlAnswer): void {
    if (!this.#isOver) {
      this.#send(formatAnswer(this.#id, answer));
      this.end();
    }
  }
}

function errorAnswer(code: ControlErrorCode, message: string): ControlAnswer {
  return { ok: false, error: { code, message } };
}
