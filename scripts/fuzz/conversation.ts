/** Hostile commands over one transport, in batches: each ends with a question whose answer shows that all were read. */

import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { within } from '../../test/support/wait.ts';

export const TRANSPORTS = ['udp', 'udp6', 'unix', 'cunix', 'tcp', 'tcp6', 'stdio'] as const;

export type Transport = (typeof TRANSPORTS)[number];

/** Text of a conversation is bytes, latin1. */
export interface Conversation {
  /** Resolves when the relay has read and answered them. */
  send(commands: readonly string[]): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** A relay on a busy machine; one that hangs is not waited for longer. */
const PATIENCE_MS = 60_000;

/** No mutation of a command of the corpus looks like this question, or its answer. */
const QUESTION = 'Gv pps_in nsess_created pps_in ncmds_errs pps_in';
const ANSWER = /^pps_in=\S+ nsess_created=\S+ pps_in=\S+ ncmds_errs=\S+ pps_in=\S+\n/m;

/** Connections at once, each with one command. */
const ONE_SHOT_CONNECTIONS = 16;

export function oneShotConversation(path: string): Conversation {
  const exchange = async (command: string): Promise<void> => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.on('error', () => {});
    socket.resume();
    // An empty write is none: such a command is a connection that ends.
    socket.end(command, 'latin1');
    await within(
      `the end of the connection with ${JSON.stringify(command.slice(0, 200))}`,
      PATIENCE_MS,
      once(socket, 'close'),
    );
  };
  return {
    async send(commands) {
      const rest = commands.values();
      const worker = async (): Promise<void> => {
        for (const command of rest) {
          await exchange(command);
        }
      };
      await Promise.all(Array.from({ length: ONE_SHOT_CONNECTIONS }, worker));
    },
    close() {},
  };
}

/** Lines; a connection that a line was too long for is opened again. */
export function connectionConversation(target: NetConnectOpts): Conversation {
  let current: Lines | undefined;
  return {
    async send(commands) {
      if (current === undefined || current.closed) {
        const socket = connect(target);
        await within('the connection', PATIENCE_MS, once(socket, 'connect'));
        current = new Lines(socket, socket);
        socket.once('close', current.end);
      }
      await current.send(commands);
    },
    close: () => current?.end(),
  };
}

export function stdioConversation(input: NodeJS.WritableStream, output: NodeJS.ReadableStream): Conversation {
  const lines = new Lines(input, output);
  return {
    // End of input would drain the relay, and a line without end is one.
    send: (commands) => lines.send(commands.map((command) => command.slice(0, 8000))),
    close() {},
  };
}

class Lines {
  closed = false;
  readonly #output: NodeJS.WritableStream;
  #text = '';
  #answered: (() => void) | undefined;

  constructor(output: NodeJS.WritableStream, input: NodeJS.ReadableStream) {
    this.#output = output;
    output.on('error', this.end);
    input.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      if (ANSWER.test(this.#text)) {
        this.#text = '';
        this.#answered?.();
      }
      this.#text = this.#text.slice(-2000);
    });
  }

  async send(commands: readonly string[]): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve;
    });
    this.#output.write(Buffer.from([...commands, QUESTION, ''].join('\n'), 'latin1'));
    await within('an answer, or the end of the connection', PATIENCE_MS, answered);
  }

  /** The relay has closed the connection, or we do. */
  readonly end = (): void => {
    if (!this.closed) {
      this.closed = true;
      (this.#output as Socket).destroy?.();
      this.#answered?.();
    }
  };
}

/** After so long without an answer the question is asked again: a burst may have filled the socket's buffer. */
const RETRY_MS = 500;

export class DatagramConversation implements Conversation {
  readonly #socket: DatagramSocket;
  readonly #target: { readonly address: string; readonly port: number };
  #count = 0;
  #answered: ((cookie: string) => void) | undefined;
  #closed = false;

  constructor(address: string, port: number) {
    this.#target = { address, port };
    this.#socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    this.#socket.on('error', () => {});
    this.#socket.on('message', (bytes) => {
      const text = bytes.toString('latin1');
      if (ANSWER.test(text.slice(text.indexOf(' ') + 1))) {
        this.#answered?.(text.slice(0, text.indexOf(' ')));
      }
    });
  }

  async send(commands: readonly string[]): Promise<void> {
    for (const command of commands) {
      this.#send(`${this.#cookie(command)}${command}`);
    }
    const cookie = `question${this.#count}`;
    const answered = new Promise<void>((resolve) => {
      this.#answered = (answer) => answer === cookie && resolve();
    });
    this.#send(`${cookie} ${QUESTION}`);
    const again = setInterval(() => this.#send(`${cookie} ${QUESTION}`), RETRY_MS);
    try {
      await within(`an answer after ${this.#count} datagrams`, PATIENCE_MS, answered);
    } finally {
      clearInterval(again);
    }
  }

  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#socket.close();
    }
  }

  /** Mostly one of its own; one in 16 is without, one in 16 comes a second time. */
  #cookie(command: string): string {
    this.#count += 1;
    const kind = (this.#count + command.length) % 16;
    return kind === 0 ? '' : `ck${kind === 1 ? this.#count - 1 : this.#count} `;
  }

  #send(text: string): void {
    this.#socket.send(Buffer.from(text, 'latin1'), this.#target.port, this.#target.address, () => {});
  }
}
