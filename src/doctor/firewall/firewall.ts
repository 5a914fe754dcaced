/** What of this machine's packet filters stands between a phone and one of our ports. */
import { familyOf, isLoopback } from '../../wire/ip-address.ts';
import type { NetworkFacts } from '../facts/network.ts';
import { judgeIptables } from './iptables.ts';
import { judgeNftables, type NftObstacle } from './nftables.ts';
import type { Packet } from './rules.ts';

export interface Obstacle {
  readonly port: number;
  /** For people. */
  readonly rule: string;
  readonly where: NftObstacle | 'iptables' | 'ip6tables';
}

/** Undefined: nothing that is certain. */
export function obstacle({ firewall, address }: NetworkFacts, port: number): Obstacle | undefined {
  if (address.kind === 'unknown') {
    return undefined;
  }
  const family = familyOf(address.bind) ?? 4;
  const packet: Packet = { port, family, loopback: isLoopback(address.bind) };
  const program = family === 4 ? 'iptables' : 'ip6tables';
  // Rules of iptables are seen by nft as well, but not all that they test; they say it better themselves.
  const listing = firewall[program];
  const byIptables = listing === undefined ? undefined : judgeIptables(listing, program, packet);
  if (byIptables?.kind === 'dropped') {
    return { port, rule: byIptables.text, where: program };
  }
  const byNft = firewall.nft === undefined ? undefined : judgeNftables(firewall.nft, packet);
  return byNft?.kind === 'dropped' && byNft.where !== undefined
    ? { port, rule: byNft.text, where: byNft.where }
    : undefined;
}

export function openCommand({ where }: Obstacle, first: number, last: number): string {
  if (typeof where === 'string') {
    return `sudo ${where} -I INPUT -p udp --dport ${first === last ? first : `${first}:${last}`} -j ACCEPT`;
  }
  const { family, table, chain } = where;
  return `sudo nft insert rule ${family} ${table} ${chain} udp dport ${first === last ? first : `${first}-${last}`} accept`;
}
