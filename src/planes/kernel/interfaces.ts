/** On which interfaces packets for our media addresses can arrive in a form that the program understands. */
import type { Link, LinkAddress } from '../../linux/netlink/links.ts';
import { isWildcard, sameAddress } from '../../wire/ip-address.ts';

/** Frames of these look like Ethernet and are not: their packets carry a route of their own inside the kernel. */
const TUNNELS: ReadonlySet<string> = new Set([
  'vxlan',
  'geneve',
  'gretap',
  'ip6gretap',
  'erspan',
  'ip6erspan',
  'bareudp',
]);

/** Masters that see what their ports receive; a VRF does not. */
const COLLECTORS: ReadonlySet<string> = new Set(['bridge', 'bond', 'team', 'openvswitch']);

/** Addresses on these arrive by others. */
const HOLDERS: ReadonlySet<string> = new Set(['dummy', 'vrf']);

/** Packets have no Ethernet header, or no plain one. */
export function isTunnel(link: Link): boolean {
  return !link.isEthernet || TUNNELS.has(link.kind);
}

/**
 * Indices of interfaces. An address of one interface is expected there; for an address on loopback, on a dummy, or that
 * nobody has, all of them. What comes by another one goes to the sockets as ever.
 *
 * @param addresses that media sockets are bound to; a wildcard stands for all
 */
export function entrancesFor(
  addresses: readonly string[],
  links: readonly Link[],
  linkAddresses: readonly LinkAddress[],
): ReadonlySet<number> {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const fit = links.filter((link) => {
    const master = link.master === undefined ? undefined : byIndex.get(link.master);
    return link.isUp && !link.isLoopback && !isTunnel(link) && !(master !== undefined && COLLECTORS.has(master.kind));
  });
  const all = fit.map(({ index }) => index);
  const entrances = addresses.flatMap((address) => {
    const owner = linkAddresses.find((entry) => sameAddress(entry.address, address));
    const link = owner === undefined ? undefined : byIndex.get(owner.index);
    if (link === undefined || isWildcard(address) || link.isLoopback || HOLDERS.has(link.kind)) {
      return all;
    }
    return all.filter((index) => index === link.index);
  });
  return new Set(entrances);
}
