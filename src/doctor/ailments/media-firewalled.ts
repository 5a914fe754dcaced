import type { Ailment } from '../ailment.ts';
import type { Facts } from '../facts.ts';
import { type Obstacle, obstacle, openCommand } from '../firewall/firewall.ts';

export const mediaFirewalled: Ailment = {
  code: 'media-firewalled',
  area: 'network',
  severity: 'breaks',
  symptom: 'no audio both ways, `verify` is fine on the server',
  cause: 'media ports closed on the way: a firewall on the machine, or the cloud’s security group',
  remedy: 'open udp `relay.minPort`–`relay.maxPort` (10000–20000) in both',
  diagnose: (facts) => {
    const { min, max } = facts.network.range;
    const found = firstObstacle(facts);
    return (
      found && {
        evidence: `the firewall of this machine closes udp ${found.port} of the media ports: ${found.rule}`,
        fix: openCommand(found, min, max),
      }
    );
  },
};

/** The ends of the range and its middle stand for all: rules that cut holes into a range are somebody’s intention. */
function firstObstacle({ network }: Facts): Obstacle | undefined {
  const { min, max } = network.range;
  return [min, Math.floor((min + max) / 2), max]
    .map((port) => obstacle(network, port))
    .find((found) => found !== undefined);
}
