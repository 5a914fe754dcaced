/** The C library of this process, glibc or musl. */
import { createRequire } from 'node:module';

export interface LibC {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, addressLength: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, valueLength: number): number;
  sendto(fd: number, data: Buffer, length: number, flags: number, address: Buffer, addressLength: number): number;
  close(fd: number): number;
  setrlimit(resource: number, limit: { readonly soft: number; readonly hard: number }): number;
  /** Why the call before this one failed, as in errno(3); to be asked before anything else is called. */
  errno(): number;
}

let libc: LibC | undefined;

/** Undefined where koffi has no binary, or there is no such library. */
export function loadLibC(): LibC | undefined {
  if (process.platform !== 'linux') {
    return undefined;
  }
  libc ??= bind();
  return libc;
}

function bind(): LibC | undefined {
  try {
    // Loaded only here, since a platform without a binary makes the mere import throw.
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    // Null: what this process is linked with already, whatever its file is called.
    const library = koffi.load(null);
    const rlimit = koffi.struct({ soft: 'unsigned long', hard: 'unsigned long' });
    return {
      socket: library.func('int socket(int domain, int type, int protocol)'),
      bind: library.func('int bind(int fd, const void *address, uint32_t size)'),
      setsockopt: library.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t size)'),
      sendto: library.func(
        'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)',
      ),
      close: library.func('int close(int fd)'),
      setrlimit: library.func('setrlimit', 'int', ['int', koffi.pointer(rlimit)]),
      errno: () => koffi.errno(),
    } as unknown as LibC;
  } catch {
    return undefined;
  }
}
