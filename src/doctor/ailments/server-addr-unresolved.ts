import type { Ailment } from '../ailment.ts';
import { launch, quote } from '../commands.ts';

export const serverAddrUnresolved: Ailment = {
  code: 'server-addr-unresolved',
  area: 'network',
  severity: 'breaks',
  symptom: '`ims-launch` exits 78 after a change of the network or of DNS',
  cause: 'the name in `SERVER_ADDR` does not resolve on the server',
  remedy: 'mend DNS, or set `SERVER_ADDR` to an IP address',
  diagnose: (facts) => {
    const { address } = facts.network;
    return address.kind === 'unknown' && address.key === 'SERVER_ADDR'
      ? {
          evidence: address.reason,
          fix: `getent hosts ${quote(facts.network.serverAddr)} || SERVER_IP=AUTO_DETECT ${launch(facts)}`,
        }
      : undefined;
  },
};
