/**
 * Signals to processes and groups that may be gone already. Linux and macOS have groups; Windows has trees of processes,
 * and no signal that a console program could hear.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import treeKill from 'tree-kill';

/** What differs from platform to platform. */
export interface ProcessSystem {
  readonly platform: NodeJS.Platform;
  /** As `process.kill`: throws when there is nobody, or nobody whom we may signal. */
  kill(pid: number, signal: NodeJS.Signals | 0): void;
  /** Ends a process and its descendants by force; does not wait. */
  killTree(pid: number): void;
  /** Windows: asks a process and its descendants to close. */
  closeTree(pid: number): void;
  hasProgram(name: string): boolean;
}

const SYSTEM: ProcessSystem = {
  platform: process.platform,
  kill: (pid, signal) => process.kill(pid, signal),
  killTree: (pid) => treeKill(pid, 'SIGKILL', () => {}),
  closeTree: (pid) => {
    const helper = spawn('taskkill', ['/PID', String(pid), '/T'], { stdio: 'ignore', windowsHide: true });
    // Without taskkill nobody is asked; the end comes by force.
    helper.on('error', () => {});
    helper.unref();
  },
  hasProgram: isInPath,
};

/** Sends a signal; false when there is nobody (or nobody whom we may signal). */
export function signalProcess(pid: number, signal: NodeJS.Signals, system = SYSTEM): boolean {
  try {
    system.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Asks a process, or (negative) a group, to stop. One that was stopped (SIGSTOP, job control) acts on a signal only when
 * it is continued. On Windows every signal is a hard end: its tree is asked to close instead.
 */
export function askToStop(pid: number, signal: NodeJS.Signals, system = SYSTEM): void {
  if (system.platform === 'win32') {
    system.closeTree(Math.abs(pid));
    return;
  }
  signalProcess(pid, signal, system);
  signalProcess(pid, 'SIGCONT', system);
}

/** SIGKILL to every member of a group. Where there are no groups (Windows), to the tree below the leader. */
export function killGroup(leader: number, system = SYSTEM): void {
  if (system.platform === 'win32') {
    if (system.hasProgram('taskkill.exe')) {
      system.killTree(leader);
    } else {
      signalProcess(leader, 'SIGKILL', system);
    }
    return;
  }
  signalProcess(-leader, 'SIGKILL', system);
  if (system.platform === 'darwin' && system.hasProgram('pgrep')) {
    // Children that left the group: there is no /proc to find them by. Unguarded, tree-kill dies without pgrep.
    system.killTree(leader);
  }
}

/** Whether anyone, zombies included, is left in a group. */
export function groupExists(leader: number, system = SYSTEM): boolean {
  try {
    system.kill(system.platform === 'win32' ? leader : -leader, 0);
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
