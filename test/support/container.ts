/** Programs as PID 1 of a pid namespace of their own: what a container's entrypoint is, without a container engine. */
import { readFileSync } from 'node:fs';
import { Program } from './program.ts';
import type { Scope } from './scope.ts';

const UNSHARE = ['unshare', '--fork', '--pid', '--mount-proc', '--kill-child'] as const;

interface ContainerOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** unshare(1) stands outside; `command` is PID 1 within. */
export function startAsPid1(scope: Scope, { command, ...rest }: ContainerOptions): Program {
  return Program.start(scope, { name: command[0], command: [...UNSHARE, ...command], ...rest });
}

/** The id, as seen from outside, of the process that is PID 1 within. */
export function pid1Of(program: Program): number {
  const children = readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8').trim();
  if (!/^[0-9]+$/.test(children)) {
    throw new Error(`${program.name} has no process, or several, below unshare: "${children}"`);
  }
  return Number(children);
}
