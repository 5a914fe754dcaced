import type { Ailment } from '../ailment.ts';
import { mediaDiagnosis } from '../media.ts';

export const mediaNoSession: Ailment = {
  code: 'media-no-session',
  area: 'media',
  severity: 'breaks',
  symptom: 'calls get 503 or 488, or connect without audio',
  cause: 'the relay answers and grants no session: its media ports are used up or cannot be opened',
  remedy: '`npx ims-launch logs relay` says which; widen `relay.minPort`–`relay.maxPort`',
  diagnose: (facts) => mediaDiagnosis(facts, 'no-session'),
};
