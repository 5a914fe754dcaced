/**
 * Which processes live, read from /proc. `kill(pid, 0)` would not do: it calls a zombie alive, and under a PID 1
 * that reaps nothing an orphan stays a zombie for ever. Where there is no /proc, ps is asked for the members of a group;
 * every other question is answered with `undefined` or nobody, and the caller falls back on signals.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const HAS_PROC = existsSync('/proc/self/stat');

/** Process ids of the group that are neither zombies nor dead; undefined: this system cannot tell. */
export function livingGroupMembers(group: number, source: ProcessSource = SOURCE): number[] | undefined {
  if (source.hasProc) {
    return processIds().filter((pid) => isLivingMember(pid, group));
  }
  return source
    .list()
    ?.split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, state = 'Z']) => Number(pgid) === group && !isDeadState(state.charAt(0)))
    .map(([pid]) => Number(pid));
}

/** Where processes are looked up. */
export interface ProcessSource {
  readonly hasProc: boolean;
  /** Without /proc: lines of `pid pgid state`, as ps writes them; undefined: there is no such ps. */
  list(): string | undefined;
}

/** A ps that takes longer, milliseconds, is of no help. */
const PS_LIMIT_MS = 1000;

const SOURCE: ProcessSource = {
  hasProc: HAS_PROC,
  list: () => {
    if (process.platform === 'win32') {
      return undefined;
    }
    const { status, stdout } = spawnSync('ps', ['-axo', 'pid=,pgid=,stat='], {
      encoding: 'utf8',
      timeout: PS_LIMIT_MS,
    });
    return status === 0 ? stdout : undefined;
  },
};

/** The process that started this one, or whoever it was left to; undefined: there is no such process. */
export function parentOf(pid: number): number | undefined {
  return statOf(pid)?.parent;
}

/** The process group that a process belongs to, or undefined. */
export function groupOf(pid: number): number | undefined {
  return statOf(pid)?.group;
}

/**
 * When a process started, in the kernel's clock ticks since boot: with the id it names a process for good, since ids
 * are used again.
 */
export function startTimeOf(pid: number): number | undefined {
  return statOf(pid)?.startTime;
}

/** Children of a process that have ended and that it has not waited for. */
export function zombieChildrenOf(parent: number): number[] {
  return processIds().filter((pid) => {
    const stat = statOf(pid);
    return stat?.state === 'Z' && stat.parent === parent;
  });
}

/** Living processes, this one excepted, whose environment holds each `NAME=value` of `cookies`. */
export function processesWithEnvironment(cookies: readonly string[]): number[] {
  return processIds().filter((pid) => {
    if (pid === process.pid) {
      return false;
    }
    const environment = read(`/proc/${pid}/environ`)?.split('\0');
    return environment !== undefined && cookies.every((cookie) => environment.includes(cookie)) && isAlive(pid);
  });
}

/** The value of a variable in the environment that a process was started with. */
export function environmentVariable(pid: number, name: string): string | undefined {
  const entry = read(`/proc/${pid}/environ`)
    ?.split('\0')
    .find((variable) => variable.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}

interface ProcessStat {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly startTime: number;
}

function isLivingMember(pid: number, group: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.group === group && !isDeadState(stat.state);
}

function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && !isDeadState(stat.state);
}

/** proc(5): Z is a zombie, X and x are dead. */
function isDeadState(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

/**
 * proc(5): `pid (name) state ppid pgrp …`, the start time is field 22; the name may hold blanks and parentheses, so
 * the last ")" counts.
 */
function statOf(pid: number): ProcessStat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = '', parent, group] = fields;
  return { state, parent: Number(parent), group: Number(group), startTime: Number(fields[22 - 3]) };
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((entry) => /^[0-9]+$/.test(entry))
      .map(Number);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
