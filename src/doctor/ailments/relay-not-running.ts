import type { Ailment } from '../ailment.ts';
import { launch, startRelay } from '../commands.ts';
import { isCrashLooping } from './relay-crash-loop.ts';

export const relayNotRunning: Ailment = {
  code: 'relay-not-running',
  area: 'relay',
  severity: 'breaks',
  symptom: 'no audio both ways, calls connect; or calls get 503 `media relay … not running`',
  cause: 'no relay on udp 127.0.0.1:7722, and an IMS that may not notice',
  remedy: 'start the IMS by `npx ims-launch`, which starts the relay first; or `ims-relay` beside it',
  diagnose: (facts) => {
    const { relay, launcher } = facts;
    if (relay.answer?.kind !== 'absent' || !(relay.autoStart || !relay.isLocal) || isCrashLooping(facts)) {
      return undefined;
    }
    const evidence = `no relay answers on udp ${relay.control}: connection refused`;
    if (!relay.isLocal) {
      return { evidence, fix: `ssh ${relay.host} npx ims-relay -s udp:${relay.control} --control-from any` };
    }
    return { evidence, fix: launcher.kind === 'running' ? launch(facts, 'restart relay') : startRelay(facts) };
  },
};
