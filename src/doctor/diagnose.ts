import type { Ailment, Finding } from './ailment.ts';
import { configurationInvalid } from './ailments/configuration-invalid.ts';
import { AILMENTS } from './ailments/index.ts';
import { areFacts, type Facts, type NoFacts } from './facts.ts';

/** What is wrong: what breaks calls first, and then in the order in which a call meets it. */
export function diagnose(facts: Facts | NoFacts): Finding[] {
  if (!areFacts(facts)) {
    return findingOf(configurationInvalid, configurationInvalid.diagnose(facts));
  }
  const findings = AILMENTS.flatMap((ailment) => findingOf(ailment, ailment.diagnose(facts)));
  return [
    ...findings.filter(({ severity }) => severity === 'breaks'),
    ...findings.filter(({ severity }) => severity === 'warns'),
  ];
}

function findingOf({ code, area, severity }: Ailment, diagnosis: ReturnType<Ailment['diagnose']>): Finding[] {
  return diagnosis === undefined ? [] : [{ code, area, severity, ...diagnosis }];
}
