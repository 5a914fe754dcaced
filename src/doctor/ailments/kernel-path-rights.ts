import type { Ailment } from '../ailment.ts';

export const kernelPathRights: Ailment = {
  code: 'kernel-path-rights',
  area: 'system',
  severity: 'warns',
  symptom: '`relay.plane` is `kernel`, and the CPU is as busy as before',
  cause: 'the kernel path needs the capabilities `net_admin` and `bpf`, which the relay does not have',
  remedy: 'give them to the unit (`AmbientCapabilities=`) or the container (`--cap-add`, as root)',
  diagnose: ({ relay }) =>
    relay.plane === 'kernel' && relay.kernelRights === false
      ? {
          evidence:
            'relay.plane is kernel, and the relay has not both CAP_NET_ADMIN and CAP_BPF: packets take the slower path',
          fix: 'docker run --user 0 --cap-add NET_ADMIN --cap-add BPF …  # in a unit: AmbientCapabilities=CAP_NET_ADMIN CAP_BPF',
        }
      : undefined,
};
