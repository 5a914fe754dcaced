import type { Ailment } from '../ailment.ts';
import { quote } from '../commands.ts';

export const bindAddressStrange: Ailment = {
  code: 'bind-address-strange',
  area: 'network',
  severity: 'breaks',
  symptom: '`ims-launch` exits 78 and names `relay.bindAddress`',
  cause: 'media ports cannot be opened on an address that the machine does not have',
  remedy: 'take `relay.bindAddress` out, and set `SERVER_ADDR` to the address that phones reach',
  diagnose: ({ network: { address }, configuration }) =>
    address.kind === 'unknown' && address.key === 'relay.bindAddress'
      ? { evidence: address.reason, fix: `ip -brief address; \${EDITOR:-vi} ${quote(configuration.path)}` }
      : undefined,
};
