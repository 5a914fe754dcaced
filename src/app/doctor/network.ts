import type { LoadedConfig } from '../../config/load.ts';
import type { NetworkFacts } from '../../doctor/facts/network.ts';
import type { RelayFacts } from '../../doctor/facts/relay.ts';
import { ephemeralOverlap, ephemeralRange } from '../../io/ephemeral-ports.ts';
import type { FirewallListing } from '../../io/firewall-listing.ts';
import { hasOnlyPairedInterfaces, outwardAddresses } from '../../io/interface-kind.ts';
import { heldSockets } from '../../io/port-owner.ts';
import { groupOf } from '../../io/process-table.ts';
import { pairPorts } from '../../relay/port-table.ts';
import { isWildcard, sameAddress } from '../../wire/ip-address.ts';
import { isContainer } from '../launch/surroundings.ts';
import { processFacts } from './processes.ts';

export type AddressFacts = NetworkFacts['address'];

export interface NetworkSources {
  readonly loaded: LoadedConfig;
  readonly address: AddressFacts;
  readonly firewall: FirewallListing;
  readonly relay: RelayFacts;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function collectNetwork({ loaded: { config }, address, firewall, relay, env }: NetworkSources): NetworkFacts {
  const { minPort, maxPort, bindAddress } = config.relay;
  const ephemeral = ephemeralRange();
  return {
    serverAddr: config.SERVER_ADDR,
    bindAddress,
    address,
    range: {
      min: minPort,
      max: maxPort,
      calls: Math.floor(pairPorts({ minPort, maxPort, reserved: [] }).length / 2),
      maxCalls: config.ims.maxCalls,
      taken: takenPorts(minPort, maxPort, address, relay),
    },
    ephemeral: ephemeral && { ...ephemeral, reserve: ephemeralOverlap(minPort, maxPort) },
    firewall,
    container: isContainer(env) ? { ownNetwork: hasOnlyPairedInterfaces(), addresses: outwardAddresses() } : undefined,
  };
}

/** The relay's own ports, and those of a relay that this user may not see, are not meant. */
function takenPorts(
  min: number,
  max: number,
  address: AddressFacts,
  relay: RelayFacts,
): NetworkFacts['range']['taken'] {
  const group = relay.owner && groupOf(relay.owner.pid);
  const collides = (held: string): boolean =>
    isWildcard(held) || address.kind === 'unknown' || isWildcard(address.bind) || sameAddress(held, address.bind);
  return heldSockets('udp', (socket) => socket.port >= min && socket.port <= max && collides(socket.address))
    .filter(({ owner }) =>
      owner === undefined
        ? relay.answer?.kind === 'absent'
        : owner.pid !== process.pid &&
          owner.pid !== relay.owner?.pid &&
          (group === undefined || groupOf(owner.pid) !== group),
    )
    .map(({ port, owner }) => ({ port, owner: processFacts(owner) }));
}
