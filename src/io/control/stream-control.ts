/** Control over connections: `unix:` takes one command each, `cunix:`, `tcp:` and `systemd:` lines. */
import { lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { ImsError } from '../../errors.ts';
import { MAX_COMMAND_BYTES } from '../../rtpp/words.ts';
import type { ControlPeer } from '../relay-driver.ts';
import type { ControlHandler, ControlSocket } from './control-socket.ts';
import { LineReader } from './line-reader.ts';

/**
 * Connections at once to one socket. One more ends the one that has been silent for longest, so that clients that hold
 * connections and say nothing do not shut out the others. A proxy with a connection for each of its workers has fewer.
 */
const MAX_CONNECTIONS = 250;

/** A client that sends commands and reads no replies is cut off here. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** A one-command connection without its command. */
const ONE_SHOT_TIMEOUT_MS = 60_000;

/** Connections that the kernel holds until they are accepted: a burst of a proxy's workers. Beyond it a connect fails. */
const BACKLOG = 128;

export interface StreamControlAddress {
  readonly kind: 'one-shot' | 'lines';
  readonly listen: ListenOptions | { readonly fd: number };
  /** For messages, for example `tcp:127.0.0.1:7722`. */
  readonly name: string;
}

/** Rejects with the system's error. */
export async function openStreamControl(
  address: StreamControlAddress,
  handler: ControlHandler,
): Promise<ControlSocket> {
  const path = 'path' in address.listen ? address.listen.path : undefined;
  if (path !== undefined) {
    await removeStaleSocket(path);
  }
  /** The one that has been silent for longest comes first. */
  const connections = new Set<Socket>();
  // Replies to pipelined commands would wait for the client's delayed ACK, 40 ms.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const { remoteAddress, localAddress } = socket;
    if (remoteAddress !== undefined && localAddress !== undefined && !handler.admits(remoteAddress, localAddress)) {
      socket.destroy();
      return;
    }
    if (connections.size >= MAX_CONNECTIONS) {
      const [silent] = connections;
      if (silent !== undefined) {
        connections.delete(silent);
        silent.destroy();
      }
    }
    connections.add(socket);
    socket.on('data', () => {
      connections.delete(socket);
      connections.add(socket);
    });
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    if (address.kind === 'one-shot') {
      serveOne(socket, handler);
    } else {
      serveLines(socket, handler);
    }
  });
  await listening(server, address.listen);
  const local = server.address();
  const { address: bound, port } = typeof local === 'object' && local !== null ? local : {};
  return {
    name: port === undefined ? address.name : address.name.replace(/:[0-9]+$/, `:${port}`),
    address: bound,
    port,
    path,
    close: () =>
      new Promise((resolve) => {
        // Node removes the path of a unix socket itself.
        server.close(() => resolve());
        for (const socket of connections) {
          socket.destroy();
        }
      }),
  };
}

/** Lines in, replies out, each in one write: some clients take the bytes of one read as the reply. */
export function serveLines(socket: Socket, handler: ControlHandler): void {
  const reader = new LineReader();
  // Every command has one reply, which may take its time.
  let unanswered = 0;
  let ended = false;
  const endIfDone = (): void => {
    if (ended && unanswered === 0) {
      socket.end();
    }
  };
  const peer = streamPeer(socket, (text) => {
    socket.write(text, 'latin1');
    unanswered -= 1;
    if (socket.writableLength > MAX_UNREAD_BYTES) {
      socket.destroy();
    }
    endIfDone();
  });
  socket.on('data', (chunk) => {
    const lines = reader.push(chunk);
    if (lines === undefined) {
      socket.destroy();
      return;
    }
    for (const line of lines) {
      unanswered += 1;
      handler.command(peer, line);
    }
  });
  socket.on('end', () => {
    ended = true;
    endIfDone();
  });
}

/** Whatever the first read brings is the command; what comes later is not read, or it would be executed twice. */
function serveOne(socket: Socket, handler: ControlHandler): void {
  const peer = streamPeer(socket, (text) => socket.end(text, 'latin1'));
  let served = false;
  socket.setTimeout(ONE_SHOT_TIMEOUT_MS, () => socket.destroy());
  socket.on('data', (chunk) => {
    if (!served) {
      served = true;
      handler.command(peer, chunk.subarray(0, MAX_COMMAND_BYTES).toString('latin1'));
    }
  });
  socket.on('end', () => {
    if (!served) {
      socket.end();
    }
  });
}

function streamPeer(socket: Socket, write: (text: string) => void): ControlPeer {
  const host = socket.remoteAddress ?? '';
  return {
    kind: 'stream',
    host,
    source: `${host}:${socket.remotePort ?? 0}`,
    reply(text) {
      if (socket.writable) {
        write(text);
      }
    },
  };
}

function listening(server: Server, options: ListenOptions | { readonly fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ backlog: BACKLOG, exclusive: true, ...options }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {
        // A connection that could not be accepted (EMFILE): the next one may be.
      });
      resolve();
    });
  });
}

/** Removes what a relay that was killed left behind; a socket that somebody serves, or another file, stays. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    return;
  }
  if (!stat.isSocket()) {
    throw new ImsError('IMS_ERR_BIND', `-s ${path}: the file exists and is not a socket`);
  }
  if (await isServed(path)) {
    throw new ImsError('IMS_ERR_PORT_IN_USE', `-s ${path}: another program serves this socket`);
  }
  rmSync(path, { force: true });
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Anything else (EAGAIN: its backlog is full, EACCES: it is another user's) is no proof that nobody is there.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
