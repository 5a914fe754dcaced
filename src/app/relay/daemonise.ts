import { spawn } from 'node:child_process';
import type { ChildMessage } from '../../observe/ipc.ts';
import { DAEMON_ENVIRONMENT } from './process.ts';

/**
 * Starts this program again, with DAEMON_ENVIRONMENT set, in a session of its own, waits until it is ready, prints its process id and leaves it.
 * Its log goes where our standard error goes. Resolves to the exit code: 1 when the child did not get ready.
 */
export function daemonise(argv: readonly string[]): Promise<number> {
  const [program = process.execPath, script = ''] = process.argv;
  const child = spawn(program, [...process.execArgv, script, ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, [DAEMON_ENVIRONMENT]: '1' },
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', () => resolve(1));
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'ready') {
        process.stdout.write(`${child.pid}\n`);
        child.removeAllListeners('exit');
        child.disconnect();
        child.unref();
        resolve(0);
      }
    });
  });
}
