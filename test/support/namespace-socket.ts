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

/** From now on this thread lives there, and so does what it starts and opens; with the end of the scope it comes home. */
export function moveInto(scope: Scope, namespace: string): void {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  enter(namespace);
  scope.defer(() => {
    setns(home, CLONE_NEWNET);
    closeSync(home);
  });
}

function enter(namespace: string): void {
  const there = openSync(`/run/netns/${namespace}`, 'r');
  const done = setns(there, CLONE_NEWNET);
  closeSync(there);
  if (done !== 0) {
    throw new Error(`cannot enter ${namespace}: errno ${koffi.errno()}`);
  }
}

/** Acts as if this thread lived there: interfaces are found by the names and numbers of that namespace. */
export function inNamespace<T>(namespace: string, act: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(namespace);
    return act();
  } finally {
    setns(home, CLONE_NEWNET);
    closeSync(home);
  }
}
