import { readFileSync } from 'node:fs';
import type { SystemFacts } from '../../doctor/facts/system.ts';
import { fileLimitOf } from '../../io/process-details.ts';

/** How far the clock on the wall has run ahead of the monotonic one since then, milliseconds. */
export function watchClock(): () => number {
  const offset = Date.now() - performance.now();
  return () => Date.now() - performance.now() - offset;
}

export function collectSystem(clockJump: () => number): SystemFacts {
  const [max, byDefault] = [setting('rmem_max'), setting('rmem_default')];
  return {
    receiveBuffer: max === undefined || byDefault === undefined ? undefined : { max, default: byDefault },
    clockJumpMs: clockJump(),
    fileLimit: fileLimitOf('self'),
  };
}

function setting(name: 'rmem_max' | 'rmem_default'): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/net/core/${name}`, 'utf8'));
  } catch {
    return undefined;
  }
}
