import type { Ailment } from '../ailment.ts';

/** What Linux gives by itself, bytes; with less, a burst of a few hundred packets is lost. */
const USUAL = 212_992;

export const receiveBufferSmall: Ailment = {
  code: 'receive-buffer-small',
  area: 'system',
  severity: 'warns',
  symptom: 'audio crackles when many calls are up',
  cause:
    'kernel settings: receive buffers below the usual 208 KiB overflow when the relay is kept waiting for a moment',
  remedy: 'raise `net.core.rmem_max` and `net.core.rmem_default`',
  diagnose: ({ system: { receiveBuffer } }) =>
    receiveBuffer !== undefined && Math.min(receiveBuffer.max, receiveBuffer.default) < USUAL
      ? {
          evidence: `net.core.rmem_max is ${receiveBuffer.max} and net.core.rmem_default ${receiveBuffer.default} bytes; Linux has ${USUAL} by itself`,
          fix: `sudo sysctl -w net.core.rmem_max=${Math.max(receiveBuffer.max, 4_194_304)} net.core.rmem_default=${Math.max(receiveBuffer.default, USUAL)}`,
        }
      : undefined,
};
