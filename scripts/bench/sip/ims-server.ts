import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverV8Flags } from '../../../src/app/launch/children.ts';
import { pingSipOptions } from '../../../src/io/sip/options-ping.ts';
import { Program } from '../../../test/support/program.ts';
import { binary } from '../../../test/support/project.ts';
import type { Scope } from '../../../test/support/scope.ts';
import { waitFor } from '../../../test/support/wait.ts';

export interface BenchedServer {
  readonly directory: string;
  readonly sipPort: number;
  readonly relay: { readonly port: number; readonly minPort: number; readonly maxPort: number };
  /** User name → password. */
  readonly users: Readonly<Record<string, string>>;
}

/** As `ims-launch` starts it; this machine needs no password to call. Resolves when it answers. */
export async function startImsServer(
  scope: Scope,
  { directory, sipPort, relay, users }: BenchedServer,
): Promise<Program> {
  const path = join(directory, 'config.json');
  const dataDir = join(directory, 'data');
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, 'users.json'), JSON.stringify(users));
  const config = {
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: sipPort,
    LOG_LEVEL: 'WARNING',
    dataDir,
    relay,
    ims: {
      trustedPeers: ['127.0.0.1'],
      maxCalls: 100_000,
    },
  };
  await writeFile(path, JSON.stringify(config));
  const program = Program.start(scope, {
    name: 'ims-server',
    command: [process.execPath, ...serverV8Flags(), binary('ims-server'), '--config', path],
    cwd: directory,
  });
  await waitFor('ims-server', async () => {
    if (!program.running) {
      throw new Error(`ims-server ended:\n${program.output}`);
    }
    return (await pingSipOptions({ address: '127.0.0.1', port: sipPort }, 500)) === 'answered';
  });
  return program;
}
