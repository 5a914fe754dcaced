/** Where this project's files are, seen from the compiled tests in build/test/support. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Compiled executable of this package. */
export function binary(name: 'ims-launch' | 'ims-relay' | 'ims-server'): string {
  return join(projectRoot, 'build', 'src', 'bin', `${name}.js`);
}
