/** The C library of this process, glibc or musl. */
import { createRequire } from 'node:module';

export interface LibC {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, addressLength: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, valueLength: number): number;
  sendto(fd: number, data: Buffer, length: number, flags: number, address: Buffer, addressLength: number): number;
  recv(fd: number, data: Buffer, length: number, flags: number): number;
  getsockname(fd: number, address: Buffer, length: Buffer): number;
  close(fd: number): number;
  setrlimit(resource: number, limit: { readonly soft: number; readonly hard: number }): number;
  write(fd: number, data: Buffer, length: number): number;
  /** eventfd(2) and epoll_create1(2): the descriptor, or -1. */
  eventfd(initial: number, flags: number): number;
  epollCreate(flags: number): number;
  /** Why the call before this one failed, as in errno(3); to be asked before anything else is called. */
  errno(): number;
}

/** The calls of a thread that moves packets: numbers in, numbers out, pointers as numbers; nothing is converted. */
export interface PacketCalls {
  epollWait(epoll: number, events: number, maxEvents: number, timeoutMs: number): number;
  epollControl(epoll: number, operation: number, fd: number, event: number): number;
  /** recvfrom(2); `address` and `addressLength` are where to write them. */
  recvfrom(fd: number, data: number, size: number, flags: number, address: number, addressLength: number): number;
  sendto(fd: number, data: number, length: number, flags: number, address: number, addressLength: number): number;
  read(fd: number, data: number, length: number): number;
  nanosleep(duration: number, rest: number): number;
  /** Where the memory of a buffer is; it does not move as long as the buffer lives. */
  addressOf(buffer: Uint8Array): number;
  errno(): number;
}

let libc: LibC | undefined;
let packetCalls: PacketCalls | undefined;

/** Undefined where koffi has no binary, or there is no such library. */
export function loadLibC(): LibC | undefined {
  if (process.platform !== 'linux') {
    return undefined;
  }
  libc ??= bind();
  return libc;
}

/** Each thread loads its own. */
export function loadPacketCalls(): PacketCalls | undefined {
  if (process.platform !== 'linux') {
    return undefined;
  }
  packetCalls ??= bindPacketCalls();
  return packetCalls;
}

/** koffi, and what this process is linked with. @throws Error where koffi has no binary */
export function foreign(): { koffi: typeof import('koffi'); library: import('koffi').LibraryHandle } {
  // Loaded only here, since a platform without a binary makes the mere import throw.
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  // Null: what this process is linked with already, whatever its file is called.
  return { koffi, library: koffi.load(null) };
}

function bindPacketCalls(): PacketCalls | undefined {
  try {
    const { koffi, library } = foreign();
    return {
      epollWait: library.func('int epoll_wait(int epoll, uintptr_t events, int maxEvents, int timeout)'),
      epollControl: library.func('int epoll_ctl(int epoll, int operation, int fd, uintptr_t event)'),
      // An int is enough for the length of a datagram, and cheaper to hand over than a ssize_t.
      // recvmsg and sendmsg would have the kernel copy and check a struct msghdr and an iovec as well.
      recvfrom: library.func(
        'int recvfrom(int fd, uintptr_t data, size_t size, int flags, uintptr_t address, uintptr_t addressLength)',
      ),
      sendto: library.func(
        'int sendto(int fd, uintptr_t data, size_t length, int flags, uintptr_t address, uint32_t addressLength)',
      ),
      read: library.func('int read(int fd, uintptr_t data, size_t length)'),
      nanosleep: library.func('int nanosleep(uintptr_t duration, uintptr_t rest)'),
      addressOf: (buffer: Uint8Array) => Number(koffi.address(buffer)),
      errno: () => koffi.errno(),
    } as unknown as PacketCalls;
  } catch {
    return undefined;
  }
}

function bind(): LibC | undefined {
  try {
    const { koffi, library } = foreign();
    const rlimit = koffi.struct({ soft: 'unsigned long', hard: 'unsigned long' });
    return {
      socket: library.func('int socket(int domain, int type, int protocol)'),
      bind: library.func('int bind(int fd, const void *address, uint32_t size)'),
      setsockopt: library.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t size)'),
      sendto: library.func(
        'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)',
      ),
      recv: library.func('intptr_t recv(int fd, void *data, size_t length, int flags)'),
      getsockname: library.func('int getsockname(int fd, void *address, void *length)'),
      close: library.func('int close(int fd)'),
      setrlimit: library.func('setrlimit', 'int', ['int', koffi.pointer(rlimit)]),
      write: library.func('intptr_t write(int fd, const void *data, size_t length)'),
      eventfd: library.func('int eventfd(uint32_t initial, int flags)'),
      epollCreate: library.func('int epoll_create1(int flags)'),
      errno: () => koffi.errno(),
    } as unknown as LibC;
  } catch {
    return undefined;
  }
}
