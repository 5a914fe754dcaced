/** RLIMIT_NOFILE: how many files and sockets this process may have open. Children inherit it. */
import { readFileSync } from 'node:fs';
import { loadLibC } from './libc.ts';

const RLIMIT_NOFILE = 7;

export interface OpenFileLimit {
  /** What holds now. */
  readonly soft: number;
  /** What a process may raise it to by itself; Infinity: as far as the system goes. */
  readonly hard: number;
}

/** Undefined where there is no proc(5). */
export function openFileLimit(): OpenFileLimit | undefined {
  const [, soft, hard] = /^Max open files +(\S+) +(\S+)/m.exec(readLimits()) ?? [];
  return soft === undefined || hard === undefined ? undefined : { soft: toNumber(soft), hard: toNumber(hard) };
}

/**
 * Raises the soft limit to the hard one, and tells what holds then. Node's own start does so, too, as long as nobody
 * tells it not to (an embedder, a debugger): only where it has not is the C library needed.
 */
export function raiseOpenFileLimit(): OpenFileLimit | undefined {
  const limit = openFileLimit();
  if (limit !== undefined && limit.soft < limit.hard && Number.isFinite(limit.hard)) {
    loadLibC()?.setrlimit(RLIMIT_NOFILE, { soft: limit.hard, hard: limit.hard });
  }
  return openFileLimit();
}

function toNumber(text: string): number {
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
