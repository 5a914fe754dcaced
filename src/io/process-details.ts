/** What the kernel tells of a living process beside its place in the tree: proc(5), so Linux only. */
import { readFileSync } from 'node:fs';

/** Stopped by a signal (`T`), as opposed to asleep. */
export function isStopped(pid: number): boolean {
  return field(pid, 'status', /^State:\s+(\S)/m) === 'T';
}

/** RLIMIT_NOFILE in force; undefined: not known to this user. */
export function fileLimitOf(pid: number | 'self'): number | undefined {
  const soft = field(pid, 'limits', /^Max open files +(\S+)/m);
  return soft === undefined || soft === 'unlimited' ? undefined : Number(soft);
}

/** Whether the process has all of these capabilities (bits of capabilities(7)) in force. */
export function hasCapabilities(pid: number | 'self', bits: readonly number[]): boolean | undefined {
  const effective = field(pid, 'status', /^CapEff:\s+([0-9a-f]+)$/m);
  return effective === undefined
    ? undefined
    : bits.every((bit) => (BigInt(`0x${effective}`) >> BigInt(bit)) % 2n === 1n);
}

function field(pid: number | 'self', file: 'status' | 'limits', pattern: RegExp): string | undefined {
  try {
    return pattern.exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
