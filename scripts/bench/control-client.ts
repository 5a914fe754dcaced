/** Clients of a control socket that do nothing but ask: the same ones for every relay, so that their cost is the same. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';

/** A command that is not answered goes out again, with its cookie. Loopback loses nothing, so this is worth a note. */
const AGAIN_MS = 1000;
const ATTEMPTS = 5;

export interface ControlClient {
  /** The reply without cookie and line end. */
  ask(command: string): Promise<string>;
  /** Commands that had to be sent again. */
  readonly repeated: number;
  close(): void;
}

/** One socket for all commands, as a worker of a proxy has; cookies tell the replies apart. */
export async function openUdpClient(port: number): Promise<ControlClient> {
  const socket: Socket = createSocket('udp4');
  const waiting = new Map<string, (reply: string) => void>();
  // The cookie alone is the key of a relay's reply cache.
  const prefix = `${randomBytes(6).toString('hex')}_`;
  let asked = 0;
  let repeated = 0;
  socket.on('error', () => {});
  socket.on('message', (bytes) => {
    const text = bytes.toString('latin1');
    const space = text.indexOf(' ');
    const cookie = text.slice(0, space);
    const settle = waiting.get(cookie);
    waiting.delete(cookie);
    settle?.(text.slice(space + 1).trimEnd());
  });
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return {
    get repeated() {
      return repeated;
    },
    ask(command) {
      const cookie = prefix + ++asked;
      const datagram = `${cookie} ${command}`;
      return new Promise((resolve, reject) => {
        let attempts = 1;
        const again = setInterval(() => {
          if (attempts++ === ATTEMPTS) {
            clearInterval(again);
            waiting.delete(cookie);
            reject(new Error(`"${command}" was not answered`));
            return;
          }
          repeated += 1;
          socket.send(datagram);
        }, AGAIN_MS);
        waiting.set(cookie, (reply) => {
          clearInterval(again);
          resolve(reply);
        });
        socket.send(datagram);
      });
    },
    close: () => socket.close(),
  };
}

/** A connection for each command, as rtpproxy's `unix:` wants it: the relay answers and closes. */
export function openUnixClient(path: string): ControlClient {
  return {
    repeated: 0,
    ask: (command) =>
      new Promise((resolve, reject) => {
        let reply = '';
        const socket = connect(path, () => socket.write(command));
        socket.setEncoding('latin1');
        socket.on('data', (chunk: string) => {
          reply += chunk;
        });
        socket.on('error', reject);
        socket.on('close', () => resolve(reply.trimEnd()));
      }),
    close: () => {},
  };
}
