import type { Ailment } from '../ailment.ts';
import { launch } from '../commands.ts';

export const imsNotAnswering: Ailment = {
  code: 'ims-not-answering',
  area: 'ims',
  severity: 'breaks',
  symptom: 'phones cannot register, calls do not even ring',
  cause: 'the IMS is not up: it hangs, waits for a relay, or ends as often as it is started',
  remedy: '`npx ims-launch status` says which, `npx ims-launch logs ims` why',
  diagnose: (facts) => {
    const { ims, launcher, relay } = facts;
    if (launcher.kind !== 'running' || ims.answer === 'answered' || (ims.owner !== undefined && !ims.isOurs)) {
      return undefined;
    }
    if (launcher.ims.state === 'idle' && relay.answer?.kind !== 'rtpproxy') {
      return undefined; // it waits for the relay, of which something is said already
    }
    const { state, detail, lastLine } = launcher.ims;
    const how = ims.answer === 'refused' ? 'nobody listens on' : 'no answer from';
    const more = [detail, lastLine === undefined ? null : `its last line: ${lastLine}`].filter((text) => text !== null);
    return {
      evidence: [`${how} SIP port ${ims.sipPort}; the IMS is in state ${state}`, ...more].join('; '),
      fix: launch(facts, state === 'ready' || state === 'unhealthy' ? 'restart ims' : 'logs ims'),
    };
  },
};
