/** UDP sockets of this process in another network namespace: a socket stays in the one that it was made in. */
import { createSocket, type Socket } from 'node:dgram';
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import type { Host } from './network.ts';
import type { Scope } from './scope.ts';

const CLONE_NEWNET = 0x40000000;

const setns = koffi.load(null).func('int setns(int fd, int type)') as (fd: number, type: number) => number;

/** A bound socket; port 0: any. Its errors (ICMP) are swallowed: what arrives is what counts. */
export function bindInNamespace(scope: Scope, { namespace, address }: Host, port: number): Socket {
  const family = address.includes(':') ? 6 : 4;
  const socket = createSocket({
    type: `udp${family}`,
    // Without it the socket would be made later, when this thread is back at home.
    lookup: (literal, _options, done) => done(null, literal, family),
    recvBufferSize: 1 << 20,
  });
  socket.on('error', () => {});
  inNamespace(namespace, () => socket.bind({ port, address, exclusive: true }));
  if (port !== 0 && socket.address().port !== port) {
    socket.close();
    throw new Error(`${address}:${port} is taken`);
  }
  scope.defer(() => {
    socket.close();
  });
  return socket;
}

/** Acts as if this thread lived there: interfaces are found by the names and numbers of that namespace. */
export function inNamespace<T>(namespace: string, act: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${namespace}`, 'r');
  try {
    if (setns(there, CLONE_NEWNET) !== 0) {
      throw new Error(`cannot enter ${namespace}: errno ${koffi.errno()}`);
    }
    return act();
  } finally {
    setns(home, CLONE_NEWNET);
    closeSync(there);
    closeSync(home);
  }
}
