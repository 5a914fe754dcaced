import type { Ailment } from '../ailment.ts';
import { mediaDiagnosis } from '../media.ts';

export const mediaFaulty: Ailment = {
  code: 'media-faulty',
  area: 'media',
  severity: 'breaks',
  symptom: 'audio stutters, is noise, or is one-way behind NAT',
  cause: 'packets come out late, altered, twice, or from the wrong port',
  remedy: 'replace the relay: `npx ims-launch` brings one',
  diagnose: (facts) => mediaDiagnosis(facts, 'faulty'),
};
