import type { Ailment } from '../ailment.ts';
import { mediaDiagnosis } from '../media.ts';

export const mediaDead: Ailment = {
  code: 'media-dead',
  area: 'media',
  severity: 'breaks',
  symptom: 'no audio both ways, and the relay answers',
  cause: 'the relay takes sessions and forwards nothing, or a local firewall drops its packets',
  remedy: 'restart the relay; look at the rules for the media ports',
  diagnose: (facts) => mediaDiagnosis(facts, 'dead'),
};
