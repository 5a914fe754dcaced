import type { Ailment } from '../ailment.ts';
import { end, launch } from '../commands.ts';
import { nameProcess } from '../facts/holder.ts';
import { isCrashLooping } from './relay-crash-loop.ts';

export const relaySilent: Ailment = {
  code: 'relay-silent',
  area: 'relay',
  severity: 'breaks',
  symptom: 'calls get 503 `media relay … does not answer`, or take seconds to connect and have no audio',
  cause: 'a relay holds its port and answers nothing: it hangs, or was stopped by a signal',
  remedy: '`kill -CONT` wakes one that was stopped; restart one that hangs',
  diagnose: (facts) => {
    const { relay, launcher } = facts;
    if (relay.answer?.kind !== 'silent' || isCrashLooping(facts)) {
      return undefined;
    }
    const { owner } = relay;
    const who = relay.isLocal ? `; it is held by ${nameProcess(owner)}` : '';
    const isOurs = launcher.kind === 'running' && owner !== undefined && launcher.relay.pid === owner.pid;
    return {
      evidence: `no answer on udp ${relay.control}: the port is silent${who}${owner?.stopped ? ', stopped by a signal' : ''}`,
      fix: owner?.stopped
        ? `kill -CONT ${owner.pid}`
        : isOurs
          ? launch(facts, 'restart relay')
          : end(owner, 'udp', relay.port),
    };
  },
};
