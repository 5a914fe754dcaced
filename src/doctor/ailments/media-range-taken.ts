import type { Ailment } from '../ailment.ts';
import { nameProcess } from '../facts/holder.ts';

/** Ports that are named. */
const NAMED = 4;

export const mediaRangeTaken: Ailment = {
  code: 'media-range-taken',
  area: 'network',
  severity: 'warns',
  symptom: 'calls get 503 `no port`, though few are up',
  cause: 'another program, often a second relay, holds ports of the media range',
  remedy: 'give each its own range',
  diagnose: ({ network: { range } }) => {
    const [first] = range.taken;
    if (first === undefined) {
      return undefined;
    }
    const owners = [...new Map(range.taken.map(({ owner }) => [owner?.pid, owner])).values()];
    const ports = range.taken.slice(0, NAMED).map(({ port }) => port);
    const more = range.taken.length > NAMED ? ` and ${range.taken.length - NAMED} more` : '';
    const pids = owners.flatMap((owner) => (owner === undefined ? [] : [owner.pid]));
    return {
      evidence: `of media ports ${range.min}-${range.max} others hold ${ports.join(', ')}${more}: ${owners.map(nameProcess).join(', ')}`,
      fix:
        pids.length === 0
          ? `sudo ss -lunp 'sport >= :${range.min} and sport <= :${range.max}'`
          : `kill ${pids.join(' ')}`,
    };
  },
};
