import type { Ailment } from '../ailment.ts';
import { launch } from '../commands.ts';

/** Fewer calls than a small office makes at once. */
const FEW_CALLS = 10;

export const mediaRangeSmall: Ailment = {
  code: 'media-range-small',
  area: 'network',
  severity: 'warns',
  symptom: 'the first calls of the day work, later ones get 503',
  cause: 'the media range has room for a few calls only: each takes four ports',
  remedy: 'widen `relay.minPort`–`relay.maxPort`',
  diagnose: (facts) => {
    const { min, max, calls } = facts.network.range;
    return calls < FEW_CALLS
      ? {
          evidence: `media ports ${min}-${max} have room for ${calls} call(s), four ports each`,
          fix: launch(facts, '--min-port 10000 --max-port 20000'),
        }
      : undefined;
  },
};
