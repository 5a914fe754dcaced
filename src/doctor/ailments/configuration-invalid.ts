import type { Ailment } from '../ailment.ts';
import { quote } from '../commands.ts';
import type { NoFacts } from '../facts.ts';

export const configurationInvalid = {
  code: 'configuration-invalid',
  area: 'configuration',
  severity: 'breaks',
  symptom: '`ims-launch` exits 78 at once',
  cause: 'the configuration file is not JSON, or a key has a value that it cannot have',
  remedy: 'mend the place named; `npx ims-launch init` writes a file that works',
  diagnose: ({ configuration: { path, error } }: NoFacts) =>
    error && { evidence: `${error.code}: ${error.message}`, fix: `\${EDITOR:-vi} ${quote(path)}` },
} satisfies Ailment;
