import type { Ailment } from '../ailment.ts';

export const packetsDropped: Ailment = {
  code: 'packets-dropped',
  area: 'system',
  severity: 'warns',
  symptom: 'audio crackles, `loss` on all calls at the same time',
  cause: 'the relay was too slow for a moment, and the kernel threw packets away: CPU, or receive buffers',
  remedy: 'give it a faster plane or more CPU; raise `net.core.rmem_default`',
  diagnose: ({ relay: { dropped, owner } }) =>
    dropped > 0
      ? {
          evidence: `the kernel dropped ${dropped} datagrams that were meant for the relay${owner === undefined ? '' : ` (process ${owner.pid})`}, because its receive buffers were full`,
          fix: 'sudo sysctl -w net.core.rmem_max=4194304 net.core.rmem_default=1048576  # for sockets opened from then on',
        }
      : undefined,
};
