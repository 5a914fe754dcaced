/** Phones at home: each behind a router of its own that masquerades, both with the same private address. */
import { addHostBehind, HOST_INTERFACE, type Host, inside, openNetwork } from './network.ts';
import type { Scope } from './scope.ts';

export interface Homes {
  readonly server: Host;
  readonly alice: Home;
  readonly bob: Home;
}

export interface Home {
  readonly phone: Host;
  readonly router: Host;
}

/** Addresses of the Internet, none of which is private; there is no way out. */
const ADDRESSES = { server: '198.51.100.1', alicesRouter: '203.0.113.10', bobsRouter: '203.0.113.20' };

export async function openHomes(scope: Scope): Promise<Homes> {
  const names = Object.keys(ADDRESSES) as (keyof typeof ADDRESSES)[];
  const hosts = await openNetwork(scope, names, { addresses: ADDRESSES, onLink: '0.0.0.0/0' });
  const homeOf = (name: string, router: Host): Home => {
    const phone = addHostBehind(scope, router, name);
    masquerade(router);
    return { phone, router };
  };
  return { server: hosts.server, alice: homeOf('alice', hosts.alicesRouter), bob: homeOf('bob', hosts.bobsRouter) };
}

/** The mapped port has nothing to do with the phone's own, and only who was sent to may answer. */
function masquerade({ namespace }: Host): void {
  inside(namespace, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  const rules = [
    'table ip home {',
    'chain out { type nat hook postrouting priority srcnat;',
    `oifname "${HOST_INTERFACE}" masquerade random`,
    '}',
    'chain in { type filter hook forward priority filter;',
    `iifname "${HOST_INTERFACE}" ct state established,related accept`,
    `iifname "${HOST_INTERFACE}" drop`,
    '}',
    '}',
  ];
  inside(namespace, 'nft', rules.join('\n'));
}

/** The provider gives the router another address: every mapping is gone, and the next packet makes a new one. */
export function moveRouter({ namespace, address }: Host, to: string): void {
  // In this order: the second address of a subnet goes with the first.
  inside(namespace, 'ip', 'address', 'del', `${address}/24`, 'dev', HOST_INTERFACE);
  inside(namespace, 'ip', 'address', 'add', `${to}/24`, 'dev', HOST_INTERFACE);
  inside(namespace, 'ip', 'route', 'replace', '0.0.0.0/0', 'dev', HOST_INTERFACE);
}
