/** Signals to processes and groups that may be gone already. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import treeKill from 'tree-kill';

/** Sends a signal; false when there is nobody (or nobody whom we may signal). */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** A process that was stopped (SIGSTOP, job control) acts on a signal only when it is continued. */
export function askToStop(pid: number, signal: NodeJS.Signals): boolean {
  const reached = signalProcess(pid, signal);
  signalProcess(pid, 'SIGCONT');
  return reached;
}

/** SIGKILL to every member of a group. Where there are no groups (Windows), to the tree below the leader. */
export function killGroup(leader: number): void {
  if (process.platform === 'win32') {
    treeKill(leader, 'SIGKILL', () => {});
    return;
  }
  signalProcess(-leader, 'SIGKILL');
  if (process.platform === 'darwin' && isInPath('pgrep')) {
    // Children that left the group: there is no /proc to find them by. Unguarded, tree-kill dies without pgrep.
    treeKill(leader, 'SIGKILL', () => {});
  }
}

/** Whether anyone, zombies included, is left in a group. */
export function groupExists(leader: number): boolean {
  try {
    process.kill(process.platform === 'win32' ? leader : -leader, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isInPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
