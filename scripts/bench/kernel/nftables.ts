/**
 * The same forwarding by rules of nftables at the ingress hook, without conntrack: by the port that a packet came to, the
 * sender is checked, then addresses and ports are replaced, and it leaves by the other interface.
 */
import type { Call } from '../relay/generator.ts';
import { MEDIA_ADDRESS, PARTIES, RELAY_LINKS } from './lab.ts';

const FIRST_PORT = 21_000;

/** The relay's RTP ports that caller and callee send to. */
export function forwarderPorts(slot: number): readonly [number, number] {
  return [FIRST_PORT + slot * 4, FIRST_PORT + slot * 4 + 2];
}

/** @param ports where caller and callee of each slot hear RTP */
export function forwarderRules(calls: readonly Call[], ports: readonly (readonly [number, number])[]): string {
  return ['table netdev forwarder {', ...side(calls, ports, 0), ...side(calls, ports, 1), '}', ''].join('\n');
}

function side(calls: readonly Call[], ports: readonly (readonly [number, number])[], from: 0 | 1): string[] {
  const to = from === 0 ? 1 : 0;
  const link = RELAY_LINKS[from];
  const name = link.replace('-', '_');
  const senders: string[] = [];
  const sources: string[] = [];
  const addresses: string[] = [];
  const destinations: string[] = [];
  for (const call of calls) {
    const party = ports[call.slot] ?? [0, 0];
    // RTP and RTCP.
    for (const above of [0, 1]) {
      const arrival = call.ports[from] + above;
      senders.push(`${PARTIES[from]} . ${party[from] + above} . ${arrival}`);
      sources.push(`${arrival} : ${call.ports[to] + above}`);
      addresses.push(`${arrival} : ${PARTIES[to]}`);
      destinations.push(`${arrival} : ${party[to] + above}`);
    }
  }
  const elements = (entries: readonly string[]): string => `elements = { ${entries.join(', ')} }`;
  return [
    `set ${name}_senders { type ipv4_addr . inet_service . inet_service; ${elements(senders)} }`,
    `map ${name}_sources { type inet_service : inet_service; ${elements(sources)} }`,
    `map ${name}_addresses { type inet_service : ipv4_addr; ${elements(addresses)} }`,
    `map ${name}_destinations { type inet_service : inet_service; ${elements(destinations)} }`,
    `chain ${name} {`,
    `type filter hook ingress device ${link} priority 0; policy accept;`,
    `ip daddr != ${MEDIA_ADDRESS} accept`,
    `ip saddr . udp sport . udp dport != @${name}_senders accept`,
    `udp sport set udp dport map @${name}_sources`,
    `ip saddr set ${MEDIA_ADDRESS}`,
    `ip daddr set udp dport map @${name}_addresses`,
    `udp dport set udp dport map @${name}_destinations`,
    `fwd ip to ${PARTIES[to]} device ${RELAY_LINKS[to]}`,
    '}',
  ];
}
