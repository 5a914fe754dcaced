/**
 * sd_notify(3): what a service tells its manager, one datagram to the socket that NOTIFY_SOCKET names. Node has no
 * unix datagram sockets.
 */
import { endianness } from 'node:os';
import { type LibC, loadLibC } from './libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** sun_path of unix(7), bytes. */
const MAX_PATH_BYTES = 108;

export interface NotifySocket {
  /** False when the manager did not get it; never blocks, never throws. */
  send(text: string): boolean;
  /** Idempotent. */
  close(): void;
}

/** @param name an absolute path, or `@` and an abstract name */
export function openNotifySocket(name: string): NotifySocket | undefined {
  const address = unixAddress(name);
  const libc = address === undefined ? undefined : loadLibC();
  if (address === undefined || libc === undefined) {
    return undefined;
  }
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return fd < 0 ? undefined : new UnixDatagramSocket(libc, fd, address);
}

class UnixDatagramSocket implements NotifySocket {
  readonly #libc: LibC;
  readonly #address: Buffer;
  #fd: number;

  constructor(libc: LibC, fd: number, address: Buffer) {
    this.#libc = libc;
    this.#fd = fd;
    this.#address = address;
  }

  send(text: string): boolean {
    if (this.#fd < 0) {
      return false;
    }
    const data = Buffer.from(text);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return this.#libc.sendto(this.#fd, data, data.length, flags, this.#address, this.#address.length) === data.length;
  }

  close(): void {
    if (this.#fd >= 0) {
      this.#libc.close(this.#fd);
      this.#fd = -1;
    }
  }
}

/** struct sockaddr_un: the family in the machine's order, then the name; an abstract one begins with NUL. */
function unixAddress(name: string): Buffer | undefined {
  const path = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`);
  if (
    !/^[/@]./.test(name) ||
    path.length > MAX_PATH_BYTES ||
    path.indexOf(0, 1) !== (name[0] === '@' ? -1 : path.length - 1)
  ) {
    return undefined;
  }
  const family = Buffer.alloc(2);
  if (endianness() === 'LE') {
    family.writeUInt16LE(AF_UNIX);
  } else {
    family.writeUInt16BE(AF_UNIX);
  }
  return Buffer.concat([family, path]);
}
