import type { Ailment } from '../ailment.ts';
import { launch, relayAlone } from '../commands.ts';
import { nameProcess } from '../facts/holder.ts';

export const relayAddressStrange: Ailment = {
  code: 'relay-address-strange',
  area: 'relay',
  severity: 'breaks',
  symptom: 'rtpproxy answers, and each call fails with `E72` or has no audio',
  cause: 'the address of its `-l` is not one of the machine',
  remedy: 'bind a local address and advertise the public one with `-A` (`ims-relay` does that by itself)',
  diagnose: (facts) => {
    const { relay, network } = facts;
    const { strangeAddress, media, owner } = relay;
    if (strangeAddress === undefined || media === undefined || media.ok) {
      return undefined;
    }
    const local = network.address.kind === 'known' ? network.address.bind : '0.0.0.0';
    const replace = owner === undefined ? '' : `kill ${owner.pid}; `;
    return {
      evidence: `${nameProcess(owner)} opens media ports on ${strangeAddress} (-l), which is no address of this machine: ${media.findings[0] ?? 'nothing passes'}`,
      fix: relay.hasCommand
        ? `${launch(facts, 'stop')}  # then relay.command: -l ${local} -A ${strangeAddress}`
        : `${replace}${relayAlone(facts, strangeAddress)}`,
    };
  },
};
