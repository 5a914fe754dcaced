import { MediaSockets, type SystemRefusal } from '../../linux/media-socket.ts';
import type { PacketIo } from '../../linux/packet-io.ts';
import { errorName } from '../../linux/socket-address.ts';
import { AddressBook, encodeAddress, portOf } from './addresses.ts';

const ADDRESS = '127.0.0.1';
const SAMPLE = Uint8Array.of(0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 4);
const KEY = 7;

/** A packet to ourselves on the loopback device is there at once. */
const PATIENCE_MS = 1000;

/**
 * One packet to ourselves through every call that the loop makes: what a filter of system calls, or another layout of a
 * structure, would spoil shows here. Undefined: it works; otherwise the reason why it does not.
 */
export function tryOut(io: PacketIo, epoll: number): string | undefined {
  const sockets = MediaSockets.load();
  if (sockets === undefined) {
    return 'koffi has no binary for this system';
  }
  let fd: number;
  try {
    fd = sockets.bind({ address: ADDRESS, port: 0 }, 4);
  } catch (error) {
    const { code, message } = error as SystemRefusal;
    // A host without a loopback address can still have others.
    return code === 'EADDRNOTAVAIL' ? undefined : message;
  }
  try {
    const own = { address: ADDRESS, port: sockets.portOf(fd) };
    const destinationBytes = encodeAddress(own, io.destination);
    const error = io.watch(epoll, fd, KEY);
    if (error !== 0) {
      return `epoll_ctl ${errorName(error)}`;
    }
    io.out.set(SAMPLE);
    return (
      exchange(io, epoll, fd, own.port, () => io.send(fd, SAMPLE.length, destinationBytes)) ??
      exchange(io, epoll, fd, own.port, () => io.forward(fd, SAMPLE.length, destinationBytes))
    );
  } finally {
    io.unwatch(epoll, fd);
    sockets.close(fd);
  }
}

function exchange(io: PacketIo, epoll: number, fd: number, port: number, send: () => number): string | undefined {
  if (send() !== SAMPLE.length) {
    return `sendto ${errorName(io.error)}`;
  }
  const until = performance.now() + PATIENCE_MS;
  let ready = 0;
  // A signal ends the wait early.
  while (ready <= 0 && performance.now() < until) {
    ready = io.wait(epoll, PATIENCE_MS);
  }
  if (ready !== 1 || io.keyOf(0) !== KEY) {
    return 'epoll_wait does not tell of a packet that was sent';
  }
  if (io.receive(fd) !== SAMPLE.length) {
    return `recvfrom ${errorName(io.error)}`;
  }
  const isWhole = SAMPLE.every((byte, index) => io.packet[index] === byte);
  const from = `${new AddressBook().text(io.source)}:${portOf(io.source)}`;
  return isWhole && from === `${ADDRESS}:${port}` ? undefined : `a packet to ourselves came back as one of ${from}`;
}
