/** A unix datagram socket that listens, as a service manager's does: the kernel's own, through koffi. */
import koffi from 'koffi';
import type { Scope } from './scope.ts';
import { waitFor } from './wait.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT = 0x40;

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, uint32_t)');
const recv = libc.func('intptr_t recv(int, void *, size_t, int)');
const close = libc.func('int close(int)');

export interface DatagramListener {
  /** Datagrams so far, oldest first. */
  received(): readonly string[];
  /** The first line, past or to come, that matches. */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<string>;
}

/** @param name an absolute path, or `@` and an abstract name */
export function listenForDatagrams(scope: Scope, name: string): DatagramListener {
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number;
  const path = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`);
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), path]);
  if (fd < 0 || bind(fd, address, address.length) !== 0) {
    throw new Error(`cannot listen on ${name}`);
  }
  scope.defer(() => {
    close(fd);
  });
  const datagrams: string[] = [];
  const received = (): readonly string[] => {
    const buffer = Buffer.alloc(4096);
    for (;;) {
      const length = recv(fd, buffer, buffer.length, MSG_DONTWAIT) as number;
      if (length < 0) {
        return datagrams;
      }
      datagrams.push(buffer.toString('utf8', 0, length));
    }
  };
  const waitForLine = (pattern: RegExp, timeoutMs = 30_000): Promise<string> => {
    const find = (): string | undefined =>
      received()
        .flatMap((datagram) => datagram.split('\n'))
        .find((line) => pattern.test(line));
    return waitFor(`a line like ${pattern} on ${name}`, find, { timeoutMs });
  };
  return { received, waitForLine };
}
