import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a program of that name is on PATH, or at that absolute path. */
export function isInstalled(program: string): boolean {
  return (program.startsWith('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter)).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
