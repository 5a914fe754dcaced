/** A listener of a relay's time-out notifications (`-n`), over unix or TCP. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type ListenOptions, type Socket } from 'node:net';
import type { Scope } from './scope.ts';

export interface NotificationListener {
  /** As `-n` and a command name it. */
  readonly target: string;
  /** Everything that came, over all connections; a character a byte. */
  text(): string;
  connections(): number;
  hangUp(): void;
}

export async function listenForNotifications(scope: Scope, options: ListenOptions): Promise<NotificationListener> {
  const sockets: Socket[] = [];
  let text = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
  });
  server.listen(options);
  await once(server, 'listening');
  const hangUp = (): void => {
    for (const socket of sockets) {
      socket.destroy();
    }
  };
  scope.defer(async () => {
    hangUp();
    server.close();
    await once(server, 'close');
  });
  const { path } = options;
  const { port } = path === undefined ? (server.address() as AddressInfo) : { port: 0 };
  return {
    target: path === undefined ? `tcp:127.0.0.1:${port}` : `unix:${path}`,
    text: () => text,
    connections: () => sockets.length,
    hangUp,
  };
}
