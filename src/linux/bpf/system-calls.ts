/** The calls that maps and programs need, with numbers and addresses only; see `PacketCalls`. */
import { endianness } from 'node:os';
import { foreign } from '../libc.ts';

export interface BpfCalls {
  /** bpf(2) through syscall(2): 0 or a descriptor, or -1. */
  bpf(command: number, attributes: number, size: number): number;
  /** mmap(2) of a descriptor, shared and writable: the address, or -1. */
  mapShared(fd: number, length: number): number;
  /** Puts memory of zeros where a mapping was, so that views of it stay valid. */
  replaceByZeros(address: number, length: number): void;
  /** The memory itself. */
  view(address: number, length: number): ArrayBuffer;
  addressOf(memory: Uint8Array): number;
  /** Before Linux 5.11 maps count as locked memory. */
  liftMemlock(): void;
  close(fd: number): void;
  errno(): number;
}

const BPF_NUMBER = { x64: 321, arm64: 280 } as const;

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE_ANONYMOUS_FIXED = 0x02 | 0x20 | 0x10;
const RLIMIT_MEMLOCK = 8;

let calls: BpfCalls | string | undefined;

/** A text says why there are none; each thread loads its own. */
export function loadBpfCalls(): BpfCalls | string {
  calls ??= bind();
  return calls;
}

function bind(): BpfCalls | string {
  const arch = process.arch;
  if (process.platform !== 'linux' || endianness() !== 'LE' || (arch !== 'x64' && arch !== 'arm64')) {
    return `no layout for ${process.platform} on ${arch}`;
  }
  try {
    const { koffi, library } = foreign();
    const syscall = library.func('long syscall(long number, long command, uintptr_t attributes, unsigned long size)');
    const mmap = library.func(
      'intptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, long offset)',
    );
    const setrlimit = library.func('int setrlimit(int resource, const void *limit)');
    const close = library.func('int close(int fd)');
    const number = BPF_NUMBER[arch];
    return {
      bpf: (command, attributes, size) => Number(syscall(number, command, attributes, size)),
      mapShared: (fd, length) => Number(mmap(0, length, PROT_READ_WRITE, MAP_SHARED, fd, 0)),
      replaceByZeros: (address, length) => {
        mmap(address, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_FIXED, -1, 0);
      },
      view: (address, length) => koffi.view(BigInt(address), length),
      addressOf: (memory) => Number(koffi.address(memory)),
      // struct rlimit with twice RLIM_INFINITY.
      liftMemlock: () => setrlimit(RLIMIT_MEMLOCK, Buffer.alloc(16, 0xff)),
      close: (fd) => close(fd),
      errno: () => koffi.errno(),
    };
  } catch {
    return 'koffi has no binary for this system';
  }
}
