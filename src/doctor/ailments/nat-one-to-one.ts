import type { Ailment } from '../ailment.ts';

export const natOneToOne: Ailment = {
  code: 'nat-one-to-one',
  area: 'network',
  severity: 'warns',
  symptom: 'no audio both ways behind a cloud NAT, or only from outside',
  cause: '`SERVER_ADDR` is the public side of a 1:1 NAT, which must pass the SIP port and all media ports unchanged',
  remedy:
    'open udp 5060 and 10000–20000 in the cloud’s security group; where the public address is missing, set `SERVER_ADDR` to it',
  diagnose: ({ network, ims }) => {
    const { address, range } = network;
    if (address.kind !== 'known' || address.advertisedIsLocal || network.container?.ownNetwork) {
      return undefined;
    }
    return {
      evidence: `${address.advertised} (SERVER_ADDR) is on no interface: phones are told it, media is bound to ${address.bind}, and the NAT between must pass udp ${ims.sipPort} and ${range.min}-${range.max} unchanged`,
      fix: `tcpdump -ni any udp portrange ${range.min}-${range.max}  # during a call from outside: do packets of both phones arrive?`,
    };
  },
};
