/** What a thread may do beyond its user, capabilities(7): fewer things from now on. */
import { release } from 'node:os';
import { foreign } from './libc.ts';

/** Numbers of linux/capability.h. */
export const CAPABILITY = { bpf: 39 } as const;

/** _LINUX_CAPABILITY_VERSION_3: two words of 32 each for effective, permitted and inheritable. */
const VERSION = 0x20080522;
const HEADER_BYTES = 8;
const WORDS = 2;
const SET_BYTES = 12;

interface CapabilityCalls {
  capget(header: Buffer, data: Buffer): number;
  capset(header: Buffer, data: Buffer): number;
}

/**
 * The calling thread keeps at most these, by number, and cannot have the others back; threads and processes that it
 * starts inherit that. What other threads may do stays as it is. False: it has what it had.
 */
export function keepCapabilities(kept: readonly number[]): boolean {
  const calls = load();
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(VERSION, 0);
  const data = Buffer.alloc(WORDS * SET_BYTES);
  if (calls === undefined || calls.capget(header, data) !== 0) {
    return false;
  }
  for (let word = 0; word < WORDS; word += 1) {
    const mask = kept.reduce((bits, number) => (number >> 5 === word ? bits | (1 << (number & 31)) : bits), 0);
    const at = word * SET_BYTES;
    const permitted = (data.readUInt32LE(at + 4) & mask) >>> 0;
    data.writeUInt32LE((data.readUInt32LE(at) & permitted) >>> 0, at);
    data.writeUInt32LE(permitted, at + 4);
    data.writeUInt32LE(0, at + 8);
  }
  return calls.capset(header, data) === 0;
}

/** Linux 5.19 and later ask for a capability only when maps, programs and links are made, not when they are used. */
export function usesMapsUnasked(version = release()): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major > 5 || (major === 5 && minor >= 19);
}

function load(): CapabilityCalls | undefined {
  if (process.platform !== 'linux') {
    return undefined;
  }
  try {
    const { library } = foreign();
    return {
      capget: library.func('int capget(void *header, _Out_ void *data)'),
      capset: library.func('int capset(void *header, const void *data)'),
    } as unknown as CapabilityCalls;
  } catch {
    return undefined;
  }
}
