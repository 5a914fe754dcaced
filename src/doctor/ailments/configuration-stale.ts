import type { Ailment } from '../ailment.ts';
import { launch } from '../commands.ts';

export const configurationStale: Ailment = {
  code: 'configuration-stale',
  area: 'configuration',
  severity: 'warns',
  symptom: 'a change of `config.json` has no effect',
  cause: 'what the file holds could not be lived with, and the configuration before is in force',
  remedy: '`npx ims-launch reload` says why',
  diagnose: (facts) =>
    facts.configuration.stale
      ? {
          evidence: `${facts.configuration.path} was changed to what the running system cannot take; the one before is in force`,
          fix: launch(facts, 'reload'),
        }
      : undefined,
};
