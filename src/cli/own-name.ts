/** How this program was called, so that a command that we print can be pasted. */
import { existsSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { quote } from '../doctor/commands.ts';

/** @param script `process.argv[1]`: a link in some bin directory, or the file in build/ */
export function callOf(script: string, env: Readonly<Record<string, string | undefined>>): string {
  if (env['npm_command'] === 'exec') {
    return 'npx ims-launch';
  }
  const name = basename(script);
  const isInPath = (env['PATH'] ?? '').split(delimiter).some((directory) => join(directory, name) === script);
  if (isInPath && existsSync(script)) {
    return quote(name);
  }
  return script.endsWith('.js') ? `node ${quote(script)}` : quote(script);
}
