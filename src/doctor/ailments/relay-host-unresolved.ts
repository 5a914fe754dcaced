import type { Ailment } from '../ailment.ts';
import { quote } from '../commands.ts';

export const relayHostUnresolved: Ailment = {
  code: 'relay-host-unresolved',
  area: 'relay',
  severity: 'breaks',
  symptom: '`ims-launch` exits 78 and names `relay.host`',
  cause: 'the name of the relay does not resolve',
  remedy: 'mend DNS, or name an IP address',
  diagnose: ({ relay }) =>
    relay.answer === undefined
      ? { evidence: relay.unreachable ?? `${relay.host} does not resolve`, fix: `getent hosts ${quote(relay.host)}` }
      : undefined,
};
