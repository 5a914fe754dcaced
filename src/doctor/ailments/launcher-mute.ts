import type { Ailment } from '../ailment.ts';
import { nameProcess } from '../facts/holder.ts';

export const launcherMute: Ailment = {
  code: 'launcher-mute',
  area: 'launcher',
  severity: 'breaks',
  symptom: '`ims-launch status` gets no answer (exit status 4)',
  cause: 'the launcher hangs or was stopped, and watches nothing; or it belongs to another user',
  remedy: 'ask as that user; `kill -CONT` wakes one that was stopped, `kill -9` ends one that hangs',
  diagnose: ({ launcher }) => {
    if (launcher.kind !== 'mute') {
      return undefined;
    }
    const { owner, reason } = launcher;
    return {
      evidence: `an ims-launch runs with this configuration and gives no answer: ${reason}; it is ${nameProcess(owner)}`,
      fix:
        owner === undefined ? 'sudo ss -lxp | grep ims-launch' : `kill ${owner.stopped ? '-CONT' : '-9'} ${owner.pid}`,
    };
  },
};
