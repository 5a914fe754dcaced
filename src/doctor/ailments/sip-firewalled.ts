import type { Ailment } from '../ailment.ts';
import { obstacle, openCommand } from '../firewall/firewall.ts';

export const sipFirewalled: Ailment = {
  code: 'sip-firewalled',
  area: 'network',
  severity: 'breaks',
  symptom: 'phones elsewhere cannot register, one on the server can',
  cause: 'the SIP port is closed in the firewall of the machine or of the cloud',
  remedy: 'open udp and tcp 5060 in both',
  diagnose: ({ network, ims }) => {
    const found = obstacle(network, ims.sipPort);
    return (
      found && {
        evidence: `the firewall of this machine closes SIP port ${ims.sipPort} (UDP): ${found.rule}`,
        fix: openCommand(found, ims.sipPort, ims.sipPort),
      }
    );
  },
};
