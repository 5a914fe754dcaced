import type { Ailment } from '../ailment.ts';
import { mediaDiagnosis } from '../media.ts';

export const mediaRtcpBlocked: Ailment = {
  code: 'media-rtcp-blocked',
  area: 'media',
  severity: 'warns',
  symptom: 'audio is fine; phones show no quality, some hang up after a while',
  cause: 'RTCP does not pass: the odd ports are closed',
  remedy: 'open the whole port range, odd ports included',
  diagnose: (facts) => mediaDiagnosis(facts, 'rtcp-blocked'),
};
