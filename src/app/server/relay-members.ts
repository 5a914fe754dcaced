import type { RelayMember } from '../../io/relay-set-driver.ts';
import type { RelayOptions } from '../../relay/options.ts';

/** The relay that belongs to this server, and the further ones. */
export function relayMembers({ host, port, weight, further }: RelayOptions): RelayMember[] {
  return [
    // Phones are told the server's address for it: it may be behind the same NAT.
    { name: `udp:${host}:${port}`, weight, target: { host, port }, mediaAddress: 'own' },
    ...further.map(({ control, weight: share, mediaAddress }) => {
      return { name: control, weight: share, target: { control }, mediaAddress };
    }),
  ];
}
