import type { Ailment } from '../ailment.ts';
import { formatHolder } from '../words.ts';

export const relaysTwo: Ailment = {
  code: 'relays-two',
  area: 'relay',
  severity: 'warns',
  symptom: 'some calls have audio and some have none',
  cause: 'two relays listen on the control port, on different addresses, and each knows half of the sessions',
  remedy: 'stop the one that the IMS does not mean',
  diagnose: ({ relay }) => {
    const others = relay.holders.filter(({ owner }) => owner.pid !== relay.owner?.pid);
    const [other] = others;
    return relay.isLocal && relay.owner !== undefined && other !== undefined
      ? {
          evidence: `port ${relay.port} is held by more than one program: ${relay.holders.map(formatHolder).join(', ')}`,
          fix: `kill ${others.map(({ owner }) => owner.pid).join(' ')}`,
        }
      : undefined;
  },
};
