import type { Ailment } from '../ailment.ts';
import { launch } from '../commands.ts';
import { RECENT_MS, type ServiceFacts } from '../facts/launcher.ts';
import type { Facts } from '../facts.ts';

/** Ends within `RECENT_MS` that are no accident any more. */
const LOOP = 3;

export const relayCrashLoop: Ailment = {
  code: 'relay-crash-loop',
  area: 'relay',
  severity: 'breaks',
  symptom: 'calls break off, again and again; or calls get 503 and `status` shows `backoff` or `failed`',
  cause: 'the relay ends as often as it is started',
  remedy: '`npx ims-launch logs relay` shows its last words',
  diagnose: (facts) => {
    const { launcher } = facts;
    if (launcher.kind !== 'running' || !isCrashLooping(facts)) {
      return undefined;
    }
    const { recentEnds, lastEnd, lastLine, state } = launcher.relay;
    const said = lastLine === undefined ? '' : `; its last line: ${lastLine}`;
    const how = lastEnd === undefined ? '' : `, at last with ${lastEnd}`;
    return {
      evidence: `the relay ended ${recentEnds} times in ${RECENT_MS / 60_000} minutes${how}, and is now in state ${state}${said}`,
      fix: launch(facts, 'logs relay'),
    };
  },
};

export function isCrashLooping({ launcher }: Facts): boolean {
  return launcher.kind === 'running' && loops(launcher.relay);
}

function loops({ recentEnds, state }: ServiceFacts): boolean {
  return recentEnds >= LOOP || (recentEnds > 0 && state === 'failed');
}
