import { isLoopback } from '../../wire/ip-address.ts';
import type { Ailment } from '../ailment.ts';

export const containerNetwork: Ailment = {
  code: 'container-network',
  area: 'network',
  severity: 'breaks',
  symptom: 'in a container: phones register, calls connect, no audio',
  cause:
    'the container has a network of its own, and the media ports are not published, or an address inside it is told',
  remedy: 'run it with `--network host`; or publish the whole range and set `SERVER_ADDR` to the host’s address',
  diagnose: ({ network, ims }) => {
    const { container, address, range } = network;
    if (container === undefined || !container.ownNetwork) {
      return undefined;
    }
    if (address.kind === 'known' && (!address.advertisedIsLocal || isLoopback(address.advertised))) {
      return undefined; // the outside, or only this container: somebody has thought of it
    }
    const told = address.kind === 'known' ? address.advertised : network.serverAddr;
    return {
      evidence: `this container has a network of its own (${container.addresses.join(', ')}) and tells phones ${told}, which they cannot reach`,
      fix: `docker run --network host …  # or: -p ${ims.sipPort}:${ims.sipPort}/udp -p ${range.min}-${range.max}:${range.min}-${range.max}/udp -e SERVER_IP=ADDRESS-OF-THE-HOST`,
    };
  },
};
