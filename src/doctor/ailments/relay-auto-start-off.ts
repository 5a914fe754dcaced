import type { Ailment } from '../ailment.ts';
import { launch, quote, startRelay } from '../commands.ts';

export const relayAutoStartOff: Ailment = {
  code: 'relay-auto-start-off',
  area: 'relay',
  severity: 'breaks',
  symptom: 'calls get 503, or no audio both ways, and `ims-launch` runs',
  cause: '`RTPPROXY_AUTO_START=0` (`relay.autoStart`): nobody has started a relay, and `ims-launch` must not',
  remedy: 'unset it, or start the relay that you meant',
  diagnose: (facts) => {
    const { relay, launcher, configuration } = facts;
    if (relay.answer?.kind !== 'absent' || relay.autoStart || !relay.isLocal) {
      return undefined;
    }
    const variable = /^environment variable (\S+)$/.exec(relay.autoStartOrigin)?.[1];
    const start = launcher.kind === 'running' ? `${launch(facts, 'stop')} && ${launch(facts)}` : startRelay(facts);
    return {
      evidence: `nobody listens on udp ${relay.control}, and no relay may be started: ${relay.autoStartOrigin} says so`,
      fix:
        variable === undefined
          ? `\${EDITOR:-vi} ${quote(configuration.path)}  # relay.autoStart: true`
          : `unset ${variable}; ${start}`,
    };
  },
};
