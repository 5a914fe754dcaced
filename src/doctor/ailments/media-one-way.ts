import type { Ailment } from '../ailment.ts';
import { mediaDiagnosis } from '../media.ts';

export const mediaOneWay: Ailment = {
  code: 'media-one-way',
  area: 'media',
  severity: 'breaks',
  symptom: 'one-way audio in every call, also between phones of one network',
  cause: 'the relay forwards one direction only',
  remedy: 'restart the relay; send the log with a report',
  diagnose: (facts) => mediaDiagnosis(facts, 'one-way'),
};
