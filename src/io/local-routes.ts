import { networkInterfaces } from 'node:os';
import type { LocalRoutes } from '../relay/local-addresses.ts';
import { type AddressFamily, isLoopback, parseIpv4, parseIpv6 } from '../wire/ip-address.ts';
import { defaultRouteAddress, isLocalAddress } from './server-address.ts';

/**
 * Which local address leads to a peer, without a system call that waits: the peer itself when it is local, an
 * interface whose network the peer is in (the longest prefix wins), else the default route's address as it was at
 * start. Host routes through other gateways are not seen; name the address with the modifier `L` for those.
 */
export async function openLocalRoutes(): Promise<LocalRoutes> {
  const byDefault = { 4: await defaultRouteAddress(4), 6: await defaultRouteAddress(6) } as const;
  return {
    localAddressTowards: (peer, family) => {
      if (isLoopback(peer) || isLocalAddress(peer)) {
        return peer;
      }
      return onSameNetwork(peer, family) ?? byDefault[family];
    },
  };
}

function onSameNetwork(peer: string, family: AddressFamily): string | undefined {
  const bytes = bytesOf(peer);
  const candidates = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => (entry.family === 'IPv4' ? 4 : 6) === family && (entry.scopeid ?? 0) === 0)
    .map((entry) => ({ address: entry.address, prefix: Number(entry.cidr?.split('/')[1] ?? Number.NaN) }))
    .filter(({ address, prefix }) => samePrefix(bytes, bytesOf(address), prefix))
    .sort((left, right) => right.prefix - left.prefix);
  return candidates[0]?.address;
}

function samePrefix(left: Uint8Array, right: Uint8Array, prefix: number): boolean {
  if (!(prefix >= 1) || left.length !== right.length) {
    return false;
  }
  return left.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return (byte ^ (right[index] ?? 0)) >> (8 - bits) === 0;
  });
}

function bytesOf(address: string): Uint8Array {
  return parseIpv4(address) ?? parseIpv6(address) ?? new Uint8Array();
}
