import type { Ailment } from '../ailment.ts';

export const mediaRangeEphemeral: Ailment = {
  code: 'media-range-ephemeral',
  area: 'network',
  severity: 'warns',
  symptom: 'now and then a call without audio, or a 503, that nobody can repeat',
  cause: 'the system gives media ports to outgoing connections of other programs',
  remedy: 'reserve them: `net.ipv4.ip_local_reserved_ports`',
  diagnose: ({ network: { range, ephemeral } }) =>
    ephemeral?.reserve === undefined
      ? undefined
      : {
          evidence: `media ports ${range.min}-${range.max} overlap the system’s own ${ephemeral.low}-${ephemeral.high} (net.ipv4.ip_local_port_range), and are not reserved`,
          fix: ephemeral.reserve,
        },
};
