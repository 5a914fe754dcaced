/** Whether an interface promises to compute checksums itself; veth does, so nobody ever computes them. */
import koffi from 'koffi';
import { inNamespace } from './namespace-socket.ts';
import type { Host } from './network.ts';

const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;
const IFNAMSIZ = 16;
const AF_INET = 2;
const SOCK_DGRAM = 2;

const libc = koffi.load(null);
const openSocket = libc.func('int socket(int domain, int type, int protocol)');
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
const close = libc.func('int close(int fd)');

/** What `ethtool -K <name> tx off` does: what leaves there has its checksum, and who receives it checks it. */
export function withoutChecksumOffload({ namespace }: Host, name: string): void {
  const value = Buffer.alloc(8);
  value.writeUInt32LE(ETHTOOL_STXCSUM, 0);
  // struct ifreq: name, address of the value.
  const request = Buffer.alloc(40);
  request.write(name, 0, IFNAMSIZ - 1, 'latin1');
  request.writeBigUInt64LE(koffi.address(value), IFNAMSIZ);
  const done = inNamespace(namespace, () => {
    const fd = openSocket(AF_INET, SOCK_DGRAM, 0);
    const result = ioctl(fd, SIOCETHTOOL, request);
    close(fd);
    return result;
  });
  if (done !== 0) {
    throw new Error(`${name}: checksum offload cannot be switched off, errno ${koffi.errno()}`);
  }
}
