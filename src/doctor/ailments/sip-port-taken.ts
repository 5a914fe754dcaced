import type { Ailment } from '../ailment.ts';
import { end } from '../commands.ts';
import { nameProcess } from '../facts/holder.ts';

export const sipPortTaken: Ailment = {
  code: 'sip-port-taken',
  area: 'ims',
  severity: 'breaks',
  symptom: '`ims-launch` exits 69 at once, or phones register with something else',
  cause: 'another program holds the SIP port',
  remedy: 'stop the program named, or choose another `SERVER_PORT`',
  diagnose: ({ ims, launcher }) => {
    if (ims.owner === undefined || ims.isOurs || (launcher.kind !== 'running' && ims.answer === 'answered')) {
      return undefined; // an IMS that somebody started by hand is no fault
    }
    return {
      evidence: `SIP port ${ims.sipPort} (UDP) is held by ${nameProcess(ims.owner)}, which ${ims.answer === 'answered' ? 'ims-launch did not start' : 'answers no SIP OPTIONS'}`,
      fix: end(ims.owner, 'udp', ims.sipPort),
    };
  },
};
